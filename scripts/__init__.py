"""Scripts for the development of the project; nothing imports them."""
