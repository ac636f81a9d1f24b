"""An async-first Python client for the Sunshine Conversations API v2."""
