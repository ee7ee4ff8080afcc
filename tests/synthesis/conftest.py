"""What tests of synthesis share: the body from which whole persons are made."""

from stand_in_body import body_arrays

__all__ = ["body_arrays"]
