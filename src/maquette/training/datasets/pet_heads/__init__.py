"""Heads of animals that do not exist, as networks learn their shape."""
