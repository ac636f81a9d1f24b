"""The guard: what the API's specification says, held against what the code does."""
