"""Motion as files want it."""
