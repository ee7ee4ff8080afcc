"""Row 0: the vocabulary every other package speaks."""
