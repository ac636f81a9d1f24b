"""The journal of commands and their replay."""
