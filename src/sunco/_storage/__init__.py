"""Durable storage: one SQLite mechanism for inbox and journal."""
