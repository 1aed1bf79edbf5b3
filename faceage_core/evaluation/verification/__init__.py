"""Identity decisions, measured."""
