"""A photo of a person to a mesh through pixel-aligned occupancy at two resolutions (PIFuHD, Saito et al. 2020)."""
