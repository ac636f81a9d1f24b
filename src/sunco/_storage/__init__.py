"""Durable storage: the SQLite mechanism of inbox and journal, and a lock between processes."""
