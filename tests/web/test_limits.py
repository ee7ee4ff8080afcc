"""What a server may be asked for: nobody leaves this computer without a token."""

from __future__ import annotations

import pytest

from maquette.core.errors import BadInput
from maquette.web.limits import SHORTEST_TOKEN, ServeOptions


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_leaving_this_computer_needs_a_token(host):
    with pytest.raises(BadInput, match="give a token, for example MAQUETTE_TOKEN=.{40}") as error:
        ServeOptions(host=host)
    assert "\n" not in str(error.value)
    ServeOptions(host=host, token="x" * SHORTEST_TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_computer_needs_none(host):
    assert ServeOptions(host=host).token is None


@pytest.mark.parametrize("token", ["", "short", "with\nbreaks, but long enough"])
def test_a_token_is_long_and_printable(token):
    with pytest.raises(BadInput, match="token: wanted 16 printable characters"):
        ServeOptions(token=token)


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"at_once": 0}, {"keep": 0.0}, {"time_limit": 0.0}])
def test_limits_have_limits(wrong):
    with pytest.raises(BadInput, match="wanted"):
        ServeOptions(**wrong)
