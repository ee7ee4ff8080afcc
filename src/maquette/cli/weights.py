"""`maquette weights`: list the files that were learned or built, and convert published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maquette.cli.terminal import say

app = typer.Typer(help="Show the files that were learned or built; convert published ones.", no_args_is_help=True)
convert = typer.Typer(help="Convert published weights to maquette's safetensors.", no_args_is_help=True)
app.add_typer(convert, name="convert")


@app.callback()
def _group() -> None:
    """Show the files that were learned or built; convert published ones."""


@convert.callback()
def _convert() -> None:
    """Convert published weights to maquette's safetensors; nothing in their files is run."""


@app.command("list")
def list_weights() -> None:
    """List every file of the zoo, its licence and whether it is there."""
    from maquette.core.errors import WeightsMissing
    from maquette.weights.store import fetch, zoo

    for entry in zoo().values():
        try:
            fetch(entry.name)
            state = "ok"
        except WeightsMissing as error:
            state = str(error)
        say(f"{entry.name:<20} {entry.bytes / 1e6:6.1f} MB  {entry.licence:<12} {entry.what}  [{state}]")


@app.command("export")
def export_weights(
    checkpoint: Annotated[Path, typer.Argument(help="best.ckpt or last.ckpt of maquette train.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default CHECKPOINT with .safetensors.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe of your own, module:RECIPE; by default the one it names.")
    ] = None,
) -> None:
    """Turn a checkpoint of a training of yours into weights that the other commands take."""
    from maquette.training import weights_file
    from maquette.training.recipe import load_given

    given = load_given(recipe) if recipe else None
    done = weights_file.export(checkpoint, output or checkpoint.with_suffix(".safetensors"), given)
    say(f"{done}: {done.stat().st_size / 1e6:.1f} MB")


@convert.command("vrn")
def convert_vrn(
    file: Annotated[Path, typer.Argument(help="Torch7 .t7, PyTorch .pth or .pt (state_dict), or .safetensors.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
    bn_stats: Annotated[
        str, typer.Option(help="Statistics at test time: image (each picture's own) or running (stored).")
    ] = "image",
    crop: Annotated[str, typer.Option(help="How pictures are cut: matlab (as the paper) or bash.")] = "matlab",
) -> None:
    """Convert weights of the volumetric network VRN, any of its sizes."""
    from maquette.weights.convert import vrn

    done = vrn.convert(file, output or file.with_suffix(".safetensors"), bn_stats, crop)
    size = ", ".join(f"{name} {value}" for name, value in done.size.items())
    say(f"{done.path}: VRN of {done.parameters:,} parameters ({size}), {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("espcn")
def convert_espcn(
    file: Annotated[Path, typer.Argument(help="super_res_model_epoch_*.pth, as published.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert weights of the published super-resolution network ESPCN, for maquette upscale."""
    from maquette.weights.convert import espcn

    done = espcn.convert(file, output or file.with_suffix(".safetensors"))
    size = done.path.stat().st_size / 1e6
    say(f"{done.path}: ESPCN of {done.parameters:,} parameters (factor {done.size['factor']}), {size:.2f} MB")


@convert.command("pifuhd")
def convert_pifuhd(
    file: Annotated[Path, typer.Argument(help="pifuhd.pt, as published, or of the same layout.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of PIFuHD, for maquette person; their licence is non-commercial."""
    from maquette.weights.convert import pifuhd

    done = pifuhd.convert(file, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: PIFuHD of {done.parameters:,} parameters ({done.crop}), {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("hrn")
def convert_hrn(
    file: Annotated[Path, typer.Argument(help="epoch_10.pth or pytorch_model.pt, as published.")],
    de_retouching: Annotated[
        Path | None, typer.Option(help="de_retouching_model.pth: finer albedo; without it the model's own is taken.")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="large_base_net.pth: 106 landmarks; maquette finds its own without it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of HRN, for maquette face --method hrn; they are for research alone."""
    from maquette.weights.convert import hrn

    done = hrn.convert(file, output or file.with_suffix(".safetensors"), de_retouching, landmarks)
    parts, size = ", ".join(done.size["parts"]), done.path.stat().st_size / 1e6
    say(f"{done.path}: HRN of {done.parameters:,} parameters ({parts}), {size:.1f} MB")


@convert.command("deca")
def convert_deca(
    file: Annotated[Path, typer.Argument(help="deca_model.tar, as published.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of DECA, for maquette face --method deca; their licence is non-commercial."""
    from maquette.weights.convert.deca import networks

    done = networks.convert(file, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: DECA of {done.parameters:,} parameters, {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("deca-tv")
def convert_deca_tv(
    file: Annotated[Path, typer.Argument(help="model.tar of the published video training of DECA.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert weights of DECA's temporal encoders, as its published training for video stores them."""
    from maquette.weights.convert.deca import temporal

    done = temporal.convert(file, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: temporal DECA of {done.parameters:,} parameters, {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("spynet")
def convert_spynet(
    file: Annotated[Path, typer.Argument(help="spynet_20210409-c6c1bd09.pth, as OpenMMLab publishes it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert weights of the optical flow SPyNet, with which DECA's temporal encoders are trained."""
    from maquette.weights.convert.deca import temporal

    done = temporal.convert_spynet(file, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: SPyNet of {done.parameters:,} parameters, {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("starganv2")
def convert_starganv2(
    file: Annotated[Path, typer.Argument(help="100000_nets_ema.ckpt, as published, or of the same layout.")],
    domains: Annotated[
        str | None, typer.Option(help="Their names in alphabetical order, with commas; of three: cat,dog,wild.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of StarGAN v2, for maquette translate; their licence is CC BY-NC 4.0."""
    from maquette.weights.convert.translate import starganv2

    names = [name.strip() for name in domains.split(",")] if domains else None
    done = starganv2.convert(file, output or file.with_suffix(".safetensors"), names)
    kinds, size = ", ".join(done.size["domains"]), done.path.stat().st_size / 1e6
    pixels = done.size["side"]
    say(f"{done.path}: StarGAN v2 of {done.parameters:,} parameters ({pixels} pixels; {kinds}), {size:.1f} MB")


@convert.command("gpunit")
def convert_gpunit(
    file: Annotated[Path, typer.Argument(help="cat2dog.pt or another checkpoint of GP-UNIT's or PFC-UNIT's stage 2.")],
    content: Annotated[Path, typer.Option("--content", help="content_encoder.pt, as published.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of GP-UNIT, for maquette translate; their licence is non-commercial."""
    from maquette.weights.convert.translate import gpunit

    done = gpunit.convert(file, content, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: GP-UNIT of {done.parameters:,} parameters, {done.path.stat().st_size / 1e6:.1f} MB")


@convert.command("mvfnet")
def convert_mvfnet(
    file: Annotated[Path, typer.Argument(help="net.pth, as published.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default FILE with .safetensors.")
    ] = None,
) -> None:
    """Convert the published weights of MVF-Net, a face from three photos; nothing but Python takes them yet."""
    from maquette.weights.convert import mvfnet

    done = mvfnet.convert(file, output or file.with_suffix(".safetensors"))
    say(f"{done.path}: MVF-Net of {done.parameters:,} parameters, {done.path.stat().st_size / 1e6:.1f} MB")
