"""Fixtures of the USDZ tests."""

from people import clip_result, person_result, tiny  # noqa: F401
from results import ball_result, head_result, moving_result, shut_result  # noqa: F401
