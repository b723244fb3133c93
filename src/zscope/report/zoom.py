"""The planes as points and not as pictures: what the explorer's module in the page zooms into, offline."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from zscope.explorer.bundle import PLANES, bundle, styles
from zscope.explorer.envelope import packed
from zscope.report.blocks import Note, Zoom
from zscope.runs.latents import MEASURED_COLUMN
from zscope.study.load import MOST_CLASSES
from zscope.study.payload import RunPayload, SplitPayload
from zscope.typing import JsonDict

MOST_POINTS: Final = 200_000
"""Of a run with more codes the page holds pictures only: it would be too large to be sent about."""

START: Final = """
for (const element of document.querySelectorAll("[data-zoom]")) {
  element.querySelector("button").addEventListener("click", () => {
    const text = document.getElementById(element.dataset.zoom).textContent;
    element.replaceChildren();
    mountPlanes(element, new EmbeddedTransport(text));
  });
}
"""


def zoom_of(run: RunPayload, title: str, place: int) -> Zoom | Note | None:
    """Put the planes and maps of a run's first split, and their null, into one envelope.

    Parameters
    ----------
    run : RunPayload
        The run.
    title : str
        Its title on the page.
    place : int
        Its place on the page.

    Returns
    -------
    Zoom, Note or None
        The reason where there are more than `MOST_POINTS` codes; None where there is no plane.
    """
    split = run.first
    planes = [] if split is None else _planes(split)
    if split is None or not planes:
        return None
    if split.n > MOST_POINTS:
        many = f"{split.n:,} codes are more than the {MOST_POINTS:,} that a page holds: zscope explore {run.path}"
        return Note("Points to zoom into", many)
    columns, buffers = _columns(split, run.label_column)
    null = {f"null:{name}": _float(values) for name, values in split.null_points.items() if name in split.points}
    both = set(split.null_points)
    maps = [plane for plane in planes if plane["x"].startswith("tsne.")]
    about: dict[str, Any] = {
        "id": "0",
        "name": run.name,
        "label": title,
        "n": split.n,
        "d": split.d,
        "decoder": False,
        "images": False,
        "shape": None,
        "splits": {split.name: split.n},
        "axes": 0,
        "components": 0,
        "component_sd": [],
        "columns": columns,
        "planes": [plane for plane in planes if plane not in maps],
        "maps": [{**plane, "null": plane["x"] in both} for plane in maps],
        "nulls": ["covariance"] if null else [],
        "samplers": [],
        "recommended": None,
        "attributes": [],
        "judge": False,
        "label_column": run.label_column if run.label_column in buffers else None,
        "spacing_note": "",
        "verdicts": [],
    }
    says = "one draw of a Gaussian cloud with the codes' mean and covariance"
    session: JsonDict = {
        "name": run.name,
        "runs": [about],
        "links": [],
        "limits": {},
        "null_says": says,
        "null_map_says": "the map of one draw of a Gaussian cloud with the mapped codes' mean and covariance",
    }
    text = base64.b64encode(packed(session, {**buffers, **null})).decode("ascii")
    return Zoom(f"points-{place + 1}", title, _says(split, bool(null)), text)


@dataclass(frozen=True)
class PageModule:
    """The explorer's module as a page holds it.

    Attributes
    ----------
    script, style : Markup
        Module and style sheets.
    hash : str
        Of the script, for the page's content security policy.
    """

    script: Markup
    style: Markup
    hash: str


@cache
def page_module() -> PageModule:
    """Give the explorer's module, which draws the planes when their button is pressed."""
    text = bundle(PLANES, exported=False) + START
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    # Our own files, and no data in them.
    return PageModule(Markup(text), Markup(styles()), f"sha256-{digest}")


def _says(split: SplitPayload, null: bool) -> str:
    beside = ", with a null cloud beside them" if null else ""
    return f"{split.n:,} codes in their planes and maps{beside}"


def _planes(split: SplitPayload) -> list[dict[str, str]]:
    """Planes whose columns are kept with the points: those of the figures, and the maps."""
    pairs = [(one["x"], one["y"]) for one in split.values.get("planes", {}).get("planes", [])]
    names = sorted({name[:-2] for name in split.points if name.startswith("tsne.")})
    pairs += [(f"{name}.x", f"{name}.y") for name in names]
    return [
        {"x": x, "y": y, "title": f"map {x[5:-2]}" if x.startswith("tsne.") else f"{x} and {y}"}
        for x, y in pairs
        if x in split.points and y in split.points
    ]


def _columns(split: SplitPayload, label: str | None) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """Describe the columns as the explorer wants them, and give their values."""
    columns: list[dict[str, Any]] = []
    buffers: dict[str, NDArray[Any]] = {}
    for name, values in split.points.items():
        if MEASURED_COLUMN.fullmatch(name):
            buffers[name] = _float(values)
            seen = buffers[name][np.isfinite(buffers[name])]
            bounds = [float(seen.min()), float(seen.max())] if len(seen) else [None, None]
            columns.append({"name": name, "kind": "number", "min": bounds[0], "max": bounds[1]})
        elif name == label:
            present = sorted({value for value in values if value is not None})
            if len(present) <= MOST_CLASSES:
                place = {value: number for number, value in enumerate(present)}
                buffers[name] = np.array([-1 if value is None else place[value] for value in values], np.int32)
                columns.append({"name": name, "kind": "category", "values": [str(value) for value in present]})
    return columns, buffers


def _float(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32)
