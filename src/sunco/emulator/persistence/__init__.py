"""The stored state: a snapshot, and a journal of the commands since."""
