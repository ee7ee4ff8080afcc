"""Row 1: pure functions on arrays: transforms, cameras, meshes, rays, surfaces, rendering."""
