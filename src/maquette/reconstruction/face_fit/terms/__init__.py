"""What speaks for a shape: landmarks, the network, scores of the expression, shading, contours."""
