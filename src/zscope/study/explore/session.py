"""What a page must know of a run before it asks for anything."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final, cast

import numpy as np

from zscope.study.explore.columns import MAP, OTHER_MAP, Column
from zscope.study.explore.draws import Draws
from zscope.study.explore.nulls import Nulls
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import Places
from zscope.study.explore.points import sentence
from zscope.typing import Json, JsonDict

SHOWN_COMPONENTS: Final = 16
"""Components that get sliders."""

_PAIRS: Final = ((1, 2), (1, 3), (2, 3), (1, 18), (8, 35))
_MEASURES: Final = ("radius", "neighbour_distance", "kl")
_WORDS: Final = {"radius": "radius", "neighbour_distance": "distance to the 10th nearest code", "kl": "KL"}


def about_run(
    key: str,
    opened: Opened,
    columns: Mapping[str, Column],
    nulls: Nulls,
    places: Places,
    draws: Draws,
    label: str | None,
) -> JsonDict:
    """Give what a session says of a run.

    Parameters
    ----------
    key : str
        Its id in the session.
    opened : Opened
        The codes.
    columns, nulls, places, draws
        What is computed of them.
    label : str or None
        The label that colours at first; by default the first with 2 to 40 values.

    Returns
    -------
    dict
        Plain JSON.
    """
    shape = opened.shape
    names, counts = np.unique(opened.splits, return_counts=True)
    notes = [*opened.notes]
    notes += [sentence(why) for why in (opened.why_no_model, opened.why_no_pictures) if why and opened.run is not None]
    return {
        "id": key,
        "name": opened.name,
        "label": opened.label,
        "n": opened.n,
        "d": opened.d,
        "decoder": opened.model is not None,
        "why_no_decoder": sentence(opened.why_no_model) if opened.why_no_model else "",
        "images": opened.pictures is not None,
        "shape": None if shape is None else list(shape),
        "splits": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        "axes": opened.d,
        "components": opened.d,
        "component_sd": np.sqrt(opened.axes.variances[:SHOWN_COMPONENTS]).tolist(),
        "columns": [*(column.about() for column in columns.values()), *computed(opened)],
        "planes": planes(opened, columns),
        "maps": maps(columns, nulls),
        "nulls": list[Json](nulls.names),
        "samplers": cast(list[Json], draws.samplers()),
        "recommended": draws.kept,
        "attributes": list[Json](places.attributes),
        "judge": opened.has_judge,
        "label_column": label if label in columns else label_column(columns),
        "spacing": float(np.spacing(largest_coordinate(opened))),
        "spacing_note": spacing_note(opened),
        "verdicts": verdicts(opened.measures),
        "notes": list[Json](notes),
    }


def computed(opened: Opened) -> list[JsonDict]:
    """Describe the columns that are computed when they are asked for; what their values are is not known before."""
    empty: JsonDict = {"kind": "number", "min": None, "max": None, "values": [], "computed": True}
    return [{"name": name, **empty} for name in opened.live]


def planes(opened: Opened, columns: Mapping[str, Column]) -> list[Json]:
    """Name planes worth a look: components, the two raw axes of most variance, pairs of measures."""
    found: list[Json] = []
    for x, y in _PAIRS:
        if max(x, y) <= opened.d:
            found.append({"x": f"pc{x}", "y": f"pc{y}", "title": f"components {x} and {y}"})
    if opened.d >= 2:
        variances = np.square(opened.axes.components).T @ opened.axes.variances
        i, j = (int(axis) for axis in np.argsort(-variances, kind="stable")[:2])
        found.append({"x": f"axis{i}", "y": f"axis{j}", "title": f"raw axes {i} and {j}, of most variance"})
    there = [name for name in _MEASURES if name in columns or name in opened.live]
    found += [{"x": x, "y": y, "title": f"{_WORDS[x]} and {_WORDS[y]}"} for x, y in combinations(there, 2)]
    return found


def maps(columns: Mapping[str, Column], nulls: Nulls) -> list[Json]:
    """Name the stored maps; those of held-out codes are maps of their own."""
    apart = any(name.startswith(OTHER_MAP) for name in columns)
    found: list[Json] = []
    for name in columns:
        plain = name.removeprefix(OTHER_MAP)
        other = name[:-1] + "y"
        if not (plain.startswith(MAP) and name.endswith(".x") and other in columns):
            continue
        whose = "" if not apart else ", held-out codes" if name != plain else ", training codes"
        title = f"t-SNE {plain.removeprefix(MAP).removesuffix('.x')}{whose}"
        has_null = nulls.stored_map(name) is not None and nulls.stored_map(other) is not None
        found.append({"x": name, "y": other, "title": title, "null": has_null})
    return found


def label_column(columns: Mapping[str, Column]) -> str | None:
    """Choose the label that colours at first: the first with 2 to 40 values."""
    few = (one.name for one in columns.values() if one.kind == "category" and one.is_label and len(one.texts) > 1)
    return next(few, None)


def largest_coordinate(opened: Opened) -> np.float32:
    """Largest coordinate of any code, by its size, in latent units."""
    return np.float32(max(abs(float(opened.codes.min())), abs(float(opened.codes.max()))))


def spacing_note(opened: Opened) -> str:
    """Say how finely codes are stored."""
    largest = largest_coordinate(opened)
    return (
        f"Codes are stored in float32: at the largest coordinate, {largest:.3g}, neighbouring values are "
        f"{np.spacing(largest):.2g} apart. What is finer is rounding, not structure."
    )


def verdicts(measures: Mapping[str, Any]) -> list[Json]:
    """List the verdicts on the training codes."""
    found: list[Json] = []
    for entry in measures.get("measures", ()):
        verdict = entry.get("verdict")
        if verdict:
            found.append({key: verdict.get(key) for key in ("claim", "holds", "strength", "says")})
    return found
