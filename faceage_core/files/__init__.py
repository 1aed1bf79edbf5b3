"""File names and atomic replacement of files and directories."""
