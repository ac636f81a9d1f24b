"""Processing events: which handlers run, when, and in what order."""
