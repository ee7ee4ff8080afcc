"""Pictures and films of a result."""
