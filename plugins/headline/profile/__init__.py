"""Look at a file that nobody has mapped yet: what its columns hold, what is ambiguous, and a first mapping of it."""
