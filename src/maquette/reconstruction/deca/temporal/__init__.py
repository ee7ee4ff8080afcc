"""DECA's temporal encoder: neighbouring frames' features, aligned by optical flow, before the ResNet (TV, 2022)."""
