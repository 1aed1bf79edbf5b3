"""Networks with their cards, and the engines that run them."""
