"""Delivering events to webhooks."""
