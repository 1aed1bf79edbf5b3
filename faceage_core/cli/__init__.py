"""The command line `faceage`. Each command is an entry point: the library needs no service."""
