"""Networks, and fast ways to run them, that several methods share."""
