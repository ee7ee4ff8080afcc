"""The network that reads a face: dense landmarks with uncertainty, and the head model's coefficients."""
