"""Fixtures of the contract tests."""

from results import ball_result, head_result, shut_result, volume_result  # noqa: F401
