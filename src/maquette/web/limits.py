"""What `maquette serve` may be asked for: where it listens, and how much it takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated

from maquette.core.check import Checked, Range
from maquette.core.errors import BadInput

SHORTEST_TOKEN = 16  # characters: 96 bits, as `secrets.token_urlsafe(12)` gives them


@dataclass(frozen=True)
class ServeOptions(Checked):
    """Serving the web app."""

    host: str = "127.0.0.1"
    """Address to listen on; one that other computers reach, as 0.0.0.0, needs a token."""
    port: Annotated[int, Range(0, 65535)] = 8642
    """Port to listen on; 0 takes any that is free."""
    token: str | None = None
    """What a browser must bring to be let in, 16 characters or more; better given as MAQUETTE_TOKEN, which no list of
    processes shows."""
    folder: str = "~/.maquette/serve"
    """Private folder for what is uploaded and made."""
    keep: Annotated[float, Range(0.001, 8760, "hours")] = 24.0
    """How long results are kept, hours; photos go as soon as their work has ended."""
    at_once: Annotated[int, Range(1, 64, "jobs")] = 1
    """How many jobs are in work at the same time."""
    queue: Annotated[int, Range(1, 1000, "jobs")] = 20
    """How many jobs may wait."""
    max_upload: Annotated[float, Range(0.01, 10_000, "megabytes")] = 200.0
    """Largest file that is taken, megabytes."""
    max_photos: Annotated[int, Range(1, 1000, "photos")] = 12
    """Largest number of photos in one job."""
    max_megapixels: Annotated[float, Range(0.01, 1000, "megapixels")] = 50.0
    """Largest picture that is read, in megapixels."""
    max_folder: Annotated[float, Range(0.1, 100_000, "gigabytes")] = 20.0
    """How large the folder may grow, gigabytes; beyond that nothing new is taken."""
    time_limit: Annotated[float, Range(0.01, 1440, "minutes")] = 30.0
    """How long one job may take, minutes."""
    memory_limit: Annotated[float, Range(0.1, 1024, "gigabytes")] = 8.0
    """How much memory one job may take, gigabytes."""

    def __post_init__(self) -> None:
        """Raise BadInput where a value is outside, or the door would be open to everybody."""
        super().__post_init__()
        if self.token is None and not is_loopback(self.host):
            given = f"give a token, for example MAQUETTE_TOKEN={token_urlsafe()}"
            raise BadInput(f"host {self.host}: other computers can reach it: {given}")
        if self.token is not None and (len(self.token) < SHORTEST_TOKEN or not self.token.isprintable()):
            raise BadInput(
                f"token: wanted {SHORTEST_TOKEN} printable characters or more, for example {token_urlsafe()}"
            )


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address.

    Example:
        >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org")]
        [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
