"""``zscope path``: images along paths between codes, or with an attribute's vector added."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Output, Quiet, Seed
from zscope.cli.pictures import PictureOut, check_out, is_picture, quality_of
from zscope.cli.tables import text_table
from zscope.errors import ParameterError
from zscope.figures.path import write_path
from zscope.generation.paths import HOW
from zscope.runs.run import Run
from zscope.study.arithmetic import arithmetic_run
from zscope.study.encode import encode
from zscope.study.path import path_run
from zscope.study.strips import Strips, write_strips


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("path")(path_command)


def path_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    start: Annotated[
        list[str],
        typer.Option("--from", help="Image to start from, its id or row (again for more, with --arithmetic)."),
    ],
    end: Annotated[str | None, typer.Option("--to", help="Image to go to, its id or row.")] = None,
    how: Annotated[
        list[str] | None,
        typer.Option("--how", help="linear, spherical, graph, geodesic (again for more), or all.  [default: linear]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=2, help="Images a strip, the ends included (by default 12; of a vector 9)."),
    ] = None,
    k: Annotated[int, typer.Option("--neighbours", min=1, help="Neighbours of a code in the graph.")] = 10,
    weights: Annotated[
        str, typer.Option("--weights", help="What a link of the graph costs: latent, or image (decodes every code).")
    ] = "latent",
    stay: Annotated[
        float, typer.Option("--stay", min=0, help="How much a geodesic pays for places away from codes.")
    ] = 0.0,
    arithmetic: Annotated[
        str | None,
        typer.Option("--arithmetic", help="Add an attribute's vector: LABEL:+2 or LABEL=VALUE:+2."),
    ] = None,
    with_file: Annotated[
        Path | None, typer.Option("--with", help="File of images with the attribute, an id or row a line.")
    ] = None,
    without_file: Annotated[Path | None, typer.Option("--without", help="File of images without it.")] = None,
    judge: Annotated[
        bool, typer.Option("--judge/--no-judge", help="Judge the images; trained once for a data set, and kept.")
    ] = True,
    seed: Seed = 0,
    out: PictureOut = None,
    device: Device = "auto",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw the images along paths between the codes of two images, with their length and their worst frame.

    With --arithmetic instead of --to, draw images with the vector of an attribute added, from its opposite to its full
    factor. A picture goes into the run's paths/ or to --out; a folder also gets images, codes and figures.
    """
    output = Output(quiet=quiet, as_json=as_json)
    chosen = _kinds(how)
    if (end is None) == (arithmetic is None):
        raise ParameterError("--to and --arithmetic", "be given one of them", "neither" if end is None else "both")
    if end is not None and len(start) > 1:
        raise ParameterError("--from", "be given once with --to", ", ".join(start))
    if end is not None and (with_file or without_file):
        raise ParameterError("--with and --without", "be given with --arithmetic", "--to")
    opened = Run.open(run)
    check_out(out, force)
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        quality = quality_of(opened, latents, device, bar, output) if judge else None
        if end is not None:
            found = path_run(
                opened,
                latents,
                start[0],
                end,
                how=chosen,
                steps=steps or 12,
                k=k,
                weights=weights,
                stay=stay,
                seed=seed,
                quality=quality,
                device=device,
                progress=bar,
                log=output.log,
            )
        else:
            found = arithmetic_run(
                opened,
                latents,
                start,
                str(arithmetic),
                with_file=with_file,
                without_file=without_file,
                steps=steps or 9,
                seed=seed,
                quality=quality,
                device=device,
                progress=bar,
            )
    picture = _written(found, out or run / "paths" / f"{_name(found)}.png", force)
    output.result({**found.as_json(), "figure": str(picture)}, *_lines(found), str(picture))


def _kinds(how: list[str] | None) -> list[str]:
    return list(HOW) if how and "all" in how else how or ["linear"]


def _written(found: Strips, out: Path, force: bool) -> Path:
    """Write the picture, or a folder with the picture in it."""
    if is_picture(out):
        write_path(found, out)
        return out
    write_strips(found, out, force)
    write_path(found, out / "strips.png")
    return out / "strips.png"


def _name(found: Strips) -> str:
    """Name of a picture: the rows of the ends, or the attribute."""
    if found.kind == "path":
        rows = [found.about[end]["row"] for end in ("from", "to")]  # type: ignore[index, call-overload]
        return f"{rows[0]}-{rows[1]}-{'-'.join(strip.name for strip in found.strips)}"
    return "".join(letter if letter.isalnum() or letter in "-_=" else "-" for letter in str(found.about["attribute"]))


def _lines(found: Strips) -> list[str]:
    head = [
        "how" if found.kind == "path" else "image",
        "latent length",
        "image length",
        "worst frame",
        "its distance",
    ]
    rows = [
        [
            strip.label,
            f"{strip.latent_length:.4g}",
            f"{strip.image_length:.4g}",
            f"{strip.worst + 1}",
            f"{strip.judged[strip.worst]:.3g}",
        ]
        for strip in found.strips
    ]
    return [*text_table(head, rows), *found.says]
