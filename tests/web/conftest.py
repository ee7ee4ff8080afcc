"""Fixtures of the web app's tests."""

from served import client, server, stand_in  # noqa: F401
