"""What is printed: one closed solid on a pedestal, plain (STL) or in colour (3MF)."""
