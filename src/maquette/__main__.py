"""`python -m maquette`: the same program as the command `maquette`."""

from __future__ import annotations

from maquette.cli.main import main

if __name__ == "__main__":
    main()
