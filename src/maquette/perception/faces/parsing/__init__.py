"""The network that says what each pixel of a head shows: hair, beard, glasses, skin, clothes, covers, background."""
