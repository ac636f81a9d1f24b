"""Webhook deliveries and how they are sent."""
