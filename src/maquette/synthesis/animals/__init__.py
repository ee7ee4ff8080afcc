"""Heads of cats, dogs and wild animals that do not exist."""
