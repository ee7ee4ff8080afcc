"""Fixtures of the viewer's tests."""

from browser import shown  # noqa: F401
from results import head_result, moving_result  # noqa: F401
