"""``zscope data``: bring images into an image store."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Crop, Debug, Force, Grey, HeldOut, Out, Output, Quiet, Size, Stores
from zscope.data import ImagePolicy, prepare

data = typer.Typer(help="Image stores.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(data, name="data")


@data.command("prepare")
def prepare_command(
    source: Annotated[str, typer.Argument(help="digits, mnist:DIR, celeba:DIR, folder:DIR or array:FILE.")],
    size: Size = None,
    crop: Crop = None,
    grey: Grey = False,
    held_out: HeldOut = 0.1,
    workers: Annotated[int | None, typer.Option("--workers", help="Threads that decode; default: all cores.")] = None,
    stores: Stores = Path("store"),
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Decode a source's images in parallel into a memory-mapped store, and name every file that cannot be read."""
    output = Output(quiet=quiet, as_json=as_json)
    policy = ImagePolicy.parse(size=size, crop=crop, grey=grey)
    with output.bar() as bar:
        store = prepare(
            source,
            root=stores,
            out=out,
            policy=policy,
            held_out=held_out,
            workers=workers,
            force=force,
            progress=bar,
            log=output.log,
        )
    height, width, channels = store.shape
    train = int((store.split == "train").sum())
    names = ", ".join(store.label_columns) or "none"
    output.log(f"{len(store):,} images of {height}×{width}×{channels}, {train:,} for training; labels: {names}")
    output.result(
        {
            "store": str(store.path),
            "count": len(store),
            "shape": list(store.shape),
            "train": train,
            "labels": store.label_columns,
            "hash": store.hash,
            "unreadable": store.manifest["unreadable"],
        },
        str(store.path),
    )
