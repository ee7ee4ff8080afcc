"""Hair, brows, lashes and beards as strands and solids."""
