"""The version, in the one place where the build and the client both read it."""

__version__ = "0.1.0"
