"""Exporting conversations to files."""
