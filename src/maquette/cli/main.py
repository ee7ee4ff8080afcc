"""The command `maquette`: its commands, and how errors become one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from maquette.cli import (
    batch,
    doctor,
    evaluate,
    face,
    licenses,
    methods,
    person,
    pet,
    serve,
    synth,
    train,
    translate,
    upscale,
    video,
    view,
    weights,
)
from maquette.cli.results import failed_json
from maquette.cli.stopping import Interruption, program
from maquette.cli.system import remedy
from maquette.cli.terminal import DEBUG, complain, mend_streams, say, written
from maquette.core.errors import MaquetteError

INTERRUPTED = 130  # 128 + SIGINT, the shells' convention

app = typer.Typer(
    name="maquette",
    help="Photos and videos of faces, people and pets to textured, printable 3D heads (rigged) and persons.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("face")(face.face)
app.command("person")(person.person)
app.command("pet")(pet.pet)
app.command("video")(video.video)
app.command("batch")(batch.batch)
app.command("view")(view.view)
app.command("serve")(serve.serve)
app.command("upscale")(upscale.upscale)
app.command("translate")(translate.translate)
app.command("synth")(synth.synth)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(train.app, name="train")
app.command("methods")(methods.methods)
app.add_typer(weights.app, name="weights")
app.command("doctor")(doctor.doctor)
app.command("licenses")(licenses.licenses)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"maquette {version('maquette')}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)] = (
        False
    ),
) -> None:
    """Photos and videos of faces, people and pets to textured, printable 3D heads (rigged) and persons."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 2 bad input, 3 something is not installed, 1 a defect of ours, 128 + signal: stopped.

    Args:
        arguments: without the program's name; the process's own by default.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    mend_streams()
    try:
        code = app(arguments, standalone_mode=False) or 0
        if code == INTERRUPTED:  # typer's, for a KeyboardInterrupt
            complain("stopped")
        return code
    except Interruption as stop:
        complain(stop.text or "stopped")
        return stop.exit_code
    except SystemExit:  # typer's, where whoever reads the help has had enough
        return 0
    except MaquetteError as error:
        complain(str(error))
        return error.exit_code
    except ImportError as error:
        if DEBUG:
            raise
        complain(remedy(error))
        return 3
    except Exception as error:  # the last word: what goes wrong is one line and an exit code
        if DEBUG:
            raise
        return _last_word(error, arguments)


def _last_word(error: Exception, arguments: Sequence[str]) -> int:
    """Report an error of usage, or a defect; its exit code."""
    # click's errors of usage; typer does not export their base class.
    message: Callable[[], str] | None = getattr(error, "format_message", None)
    if message:
        if "--json" in arguments:
            say(failed_json(message()))
        if type(error).__name__ == "NoArgsIsHelpError":
            written(sys.stderr, f"{message()}\n")
        else:
            complain(usage(message().rstrip("."), arguments))
        return 2
    from maquette.core.job import explained

    defect = explained(error, "this command")
    complain(str(defect))
    return defect.exit_code


def usage(message: str, arguments: Sequence[str]) -> str:
    """An error of usage and what to do about it."""
    if "command" in message:
        known = [*(row.name for row in app.registered_commands), *(row.name for row in app.registered_groups)]
        return f"{message}: commands: {', '.join(map(str, known))}"
    dashed = next((text for text in arguments if text.startswith("-") and Path(text).is_file()), None)
    if dashed:
        return f"{message}: put -- before the name of the file {dashed}"
    return f"{message}: see maquette --help"


def main() -> NoReturn:
    """The program, where it is called by this name; `maquette.__main__` is the quicker door."""
    program(lambda: run)
