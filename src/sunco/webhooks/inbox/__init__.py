"""Inboxes: where events are stored until they are processed."""
