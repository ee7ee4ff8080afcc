"""Triangles to pixels in plain torch, hard and differentiable."""
