"""Persons as avatars that games and meeting rooms load."""
