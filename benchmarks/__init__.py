"""What the project claims about speed and memory, measured: one module, one table."""
