"""MVF-Net: a morphable face from three photos at once, front, left and right. Network and decoding."""
