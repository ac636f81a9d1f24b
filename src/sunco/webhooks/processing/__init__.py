"""Processing of events: before the response, or from an inbox."""
