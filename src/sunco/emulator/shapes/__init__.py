"""The shapes that request bodies have, transcribed from version 17.12.1 of the spec."""
