"""DECA's networks at their published sizes, with the keys of the published file."""
