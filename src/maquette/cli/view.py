"""`maquette view OUT`: finished results in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maquette.cli.terminal import say


def view(
    result: Annotated[Path, typer.Argument(metavar="OUT", help="A folder of results, or a GLB file.")],
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Look at finished results in the browser: one result's page, or a gallery of all in a folder."""
    page = page_for(result)
    say(str(page))
    if show:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def page_for(result: Path) -> Path:
    """The page to open for a folder or a GLB file, made if there is none yet.

    Raises:
        BadInput: nothing there, or nothing that can be shown.
    """
    from maquette.core.errors import BadInput
    from maquette.outputs.viewer.gallery import gallery, page_beside, page_of, result_folders

    if result.is_file():
        return page_beside(result, result.with_suffix(".html"))
    if not result.is_dir():
        raise BadInput(f"{result}: no such file or folder: give a folder that maquette wrote")
    folders = result_folders(result)
    if not folders:
        raise BadInput(f"{result}: holds no result: give a folder that maquette wrote")
    pages = [page_of(folder) for folder in folders]
    return pages[0] if len(pages) == 1 else gallery(result, pages)
