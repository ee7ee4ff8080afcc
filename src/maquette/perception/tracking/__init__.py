"""Who is who from frame to frame, and what is kept of each frame."""
