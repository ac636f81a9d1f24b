"""The command line, `sunco`."""
