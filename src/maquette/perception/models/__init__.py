"""The adapter of the detectors: `networks` is its door, and no file outside knows the library that runs them."""
