"""Fixtures of the writers' tests."""

from results import ball_result, head_result, shut_result, volume_result  # noqa: F401
