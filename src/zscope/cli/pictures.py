"""What the commands that draw pictures share: what ``--out`` names, and the judge of the images."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import Bar, Output
from zscope.errors import CodesError, ParameterError
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.study.encode import open_store
from zscope.study.ladder import judge_of
from zscope.study.strips import Quality

PICTURES = (".png", ".svg")
"""How a picture's name ends; a name without an ending is a folder's."""

PictureOut = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for images, codes and picture, or a .png or .svg file: then only the picture."),
]


def is_picture(out: Path) -> bool:
    """Tell whether ``--out`` names a picture, and not a folder.

    Raises
    ------
    ParameterError
        It ends as neither does, and is no folder that is there.
    """
    if out.suffix in PICTURES:
        return True
    if out.suffix and not out.is_dir():
        raise ParameterError("--out", f"be a picture ({', '.join(PICTURES)}) or a folder", str(out))
    return False


def check_out(out: Path | None, force: bool) -> None:
    """Check before any work that ``--out`` names a picture or a folder, and one that is not there yet."""
    if out is None:
        return
    is_picture(out)
    if out.exists() and not force:
        raise ParameterError("--out", "be new (or give --force)", str(out))


def quality_of(run: Run, latents: Latents, device: str, bar: Bar, output: Output) -> Quality:
    """Open the judge of a run's images, or train it, and give its distance of images from real ones.

    Raises
    ------
    CodesError
        Too few images are held out; the error says what to do without a judge.
    """
    try:
        return judge_of(run, latents, open_store(run), device=device, progress=bar, log=output.log).distance
    except CodesError as error:
        raise CodesError(f"{error}; --no-judge holds images against the nearest codes instead") from error
