"""Steps of build_dog_body.py."""
