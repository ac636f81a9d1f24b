"""The records of an account and its apps."""
