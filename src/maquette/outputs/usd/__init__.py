"""USDZ: what Apple's devices show in augmented reality, converted from the GLB."""
