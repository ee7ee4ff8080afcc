"""The adapter of the detectors: the only files that know the library that runs them."""
