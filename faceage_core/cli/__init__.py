"""The command `faceage`. Each command is an entry point, so that the library needs no service."""
