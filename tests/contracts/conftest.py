"""Fixtures of the contract tests."""

from detailed import coded_face, detailed_face  # noqa: F401
from parts import haired_result  # noqa: F401
from people import clip_result, cloth_result, person_result, tiny  # noqa: F401
from results import ball_result, head_result, moving_result, shut_result, volume_result  # noqa: F401
