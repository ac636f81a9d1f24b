"""The records of an account and their JSON. Nothing here depends on HTTP."""
