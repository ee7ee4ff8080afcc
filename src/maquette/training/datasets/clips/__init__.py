"""Clips of people who do not exist, as what was read of them frame by frame and what is true."""
