"""Hair, a hat or a veil as one closed shell, inflated from the outline that the photo shows."""
