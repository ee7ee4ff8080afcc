"""DECA: a FLAME head with expression-dependent detail (Feng et al., SIGGRAPH 2021)."""
