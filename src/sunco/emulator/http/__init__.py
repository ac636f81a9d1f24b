"""From HTTP requests to operations and actions, and back."""
