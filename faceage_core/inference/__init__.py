"""A network with its card, and the engines that run it."""
