"""Model cards: their schema, and the cards that ship with this package."""
