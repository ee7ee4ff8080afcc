"""Reconstructions drawn again into the pictures they were made from: what agrees, and a differentiable loss of it."""
