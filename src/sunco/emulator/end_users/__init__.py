"""Actions of end users, for Python and HTTP alike."""
