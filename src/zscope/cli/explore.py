"""``zscope explore``: a page in the browser in which codes, and the images behind them, are looked at live."""

import importlib.util
import logging
import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Output, Quiet
from zscope.errors import ZscopeError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explore")(explore_command)


def explore_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN|STUDY|CODES...", help="Runs, a study's folder, or a file of codes.")
    ],
    host: Annotated[str, typer.Option("--host", help="Where to listen; other machines need the token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", help="Name by which a proxy asks, as a hub's; may be repeated.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="File of labels of CODES, a row each (.csv, .parquet, .npy, .txt).")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Images of CODES, a row each (.npy), or an image store.")
    ] = None,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave out codes with NaN or infinity.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Open the explorer: planes of hundreds of thousands of codes, their nulls beside them, and images at every place.

    It answers on this machine only, until Ctrl-C. What is not measured yet can be looked at all the same.
    """
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ZscopeError(f"zscope explore needs {' and '.join(missing)}: pip install 'zscope[explore]'")
    from zscope.explorer.security import Access
    from zscope.explorer.server import address_of, listening, serve
    from zscope.study.explore import open_exploration

    if debug:
        logging.basicConfig(level=logging.INFO)
    output = Output(quiet=quiet, as_json=as_json)
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the search of neighbours takes a GPU where it sees one
    exploration = open_exploration(paths, labels=labels, images=images, device=device, drop_bad=drop_bad)
    access = Access.of(host, allow_host or ())
    opened = listening(host, port)
    address = address_of(opened, access)
    output.result({"url": address}, address)
    output.log("Ctrl-C ends it.")
    if browser and access.token is None:
        webbrowser.open(address)
    serve(exploration, opened, access)
