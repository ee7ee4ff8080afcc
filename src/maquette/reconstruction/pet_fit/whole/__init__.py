"""A whole animal from its outline: build, stance and camera of the rigged body, from several starts."""
