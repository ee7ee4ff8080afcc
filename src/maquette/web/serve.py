"""Starting the web app: uvicorn on one address, and a folder that no other server uses."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.errors import BadInput, ExtraMissing
from maquette.web.limits import ServeOptions

if TYPE_CHECKING:
    import uvicorn

GRACE_S = 3  # for downloads that are under way when it is stopped
MOST_CONNECTIONS = 200


def serve(options: ServeOptions, ready: Callable[[str], None]) -> None:
    """Serve until stopped.

    Args:
        ready: called with the address, once it can be opened.

    Raises:
        ExtraMissing: starlette or uvicorn is not installed.
        BadInput: the address or the folder cannot be used.
    """
    os.umask(0o077)  # whatever is written here is its owner's alone
    server, door, address = prepared(options)
    ready(address)
    server.run(sockets=[door])


def prepared(options: ServeOptions) -> tuple[uvicorn.Server, socket.socket, str]:
    """The server, the socket that it is to run on, which listens already, and its address; see `serve`."""
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise ExtraMissing(f"the Python package {error.name} is missing: run: pip install 'maquette[serve]'") from error
    from maquette.web.app import web_app
    from maquette.web.jobs import JobStore

    door = listening(options.host, options.port)
    store = JobStore(Path(options.folder).expanduser().absolute(), options.keep * 3600, options.max_folder * 1e9)
    config = uvicorn.Config(
        web_app(options, store),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
    )
    host = f"[{options.host}]" if ":" in options.host else options.host
    return uvicorn.Server(config), door, f"http://{host}:{door.getsockname()[1]}/"


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; browsers that come before the server is up wait.

    Raises:
        BadInput: the address is not this computer's, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
        if os.name == "posix":
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(128)
        return door
    except OSError as error:
        raise BadInput(f"{host} port {port}: {error.strerror or error}: choose another --host or --port") from error
