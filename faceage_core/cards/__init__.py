"""Model cards and bundles: their schemas, and the shipped ones as JSON files."""
