"""The texture of a person: photos projected, the unseen back filled."""
