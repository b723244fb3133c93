"""Columns by which codes are placed and coloured: labels, measures, maps, raw axes and components."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.types as types
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import ParameterError
from zscope.runs.latents import MEASURED_COLUMN
from zscope.study.explore.answer import Answer, number_or_none
from zscope.study.explore.opened import Opened
from zscope.study.load import MOST_CLASSES
from zscope.typing import Json, JsonDict

Values = NDArray[np.float32] | NDArray[np.float64]

AXIS: Final = re.compile(r"axis(0|[1-9]\d{0,8})")
COMPONENT: Final = re.compile(r"pc([1-9]\d{0,8})")
MAP: Final = "tsne."
OTHER_MAP: Final = "held-out."
"""Before the name of a map of held-out codes: they are mapped apart, and places on both maps mean different things."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of the points.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"number", "category", "text"}
        A category has at most 40 values; text has more, as names of persons have.
    values : ndarray of shape (N,)
        float32, NaN where there is no number; of categories and texts int32 codes, −1 where there is none.
    texts : tuple of str
        What the codes stand for, in order.
    """

    name: str
    kind: str
    values: NDArray[Any]
    texts: tuple[str, ...] = ()

    def about(self) -> JsonDict:
        """Give what a page must know before it asks for the values."""
        found = self.values[np.isfinite(self.values)] if self.kind == "number" else self.values[:0]
        return {
            "name": self.name,
            "kind": self.kind,
            "min": number_or_none(found.min()) if len(found) else None,
            "max": number_or_none(found.max()) if len(found) else None,
            "values": list(self.texts) if self.kind == "category" else [],
            "computed": False,
        }

    @property
    def is_label(self) -> bool:
        """Whether it came with the images, and was not measured."""
        return self.name not in ("id", "split") and not _measured(self.name)


LIVE: Final[Mapping[str, Callable[[Opened], NDArray[np.float32]]]] = {
    "neighbour_distance": lambda opened: opened.neighbour_distance,
    "reconstruction_error": lambda opened: opened.reconstruction_error,
}
"""Columns of `Opened.live`, which are computed when they are asked for, once."""


def columns_of(opened: Opened) -> dict[str, Column]:
    """Read all columns of the points, by name.

    Raw axes and components that measures kept are left out: they are computed from the codes, of all splits alike. The
    map of held-out codes is a column of its own (``held-out.tsne.…``). The radius is there, measured or not.
    """
    found: dict[str, Column] = {}
    for name in opened.points.column_names:
        if AXIS.fullmatch(name) or COMPONENT.fullmatch(name):
            continue
        column = _column(name, opened.points[name])
        for part in _maps_apart(column, opened.splits) if name.startswith(MAP) else [column]:
            found[part.name] = part
    if "radius" not in found:
        found["radius"] = Column("radius", "number", radii(opened.codes).astype(np.float32))
    return found


def column(opened: Opened, columns: Mapping[str, Column], name: str) -> Answer:
    """Give the values of a column.

    Parameters
    ----------
    opened : Opened
        The codes.
    columns : mapping
        From `columns_of`.
    name : str
        ``axisI``, ``pcI``, one of `columns`, or one of `Opened.live`.

    Returns
    -------
    Answer
        ``kind``; of categories and texts ``values``, the texts in order; the buffer ``values`` (N,).

    Raises
    ------
    ParameterError
        There is no such column.
    """
    found = columns.get(name)
    if found is None:
        return Answer({"kind": "number"}, {"values": coordinates(opened, columns, name)})
    data: JsonDict = {"kind": found.kind}
    if found.kind != "number":
        data["values"] = list[Json](found.texts)
    return Answer(data, {"values": found.values})


@dataclass(frozen=True, eq=False)
class Linear:
    """A coordinate that every code has: p(z) = v · z − o, in latent units.

    Attributes
    ----------
    name : str
        ``axisI`` or ``pcI``.
    vector : ndarray of shape (d,), float64
        v, of length 1.
    offset : float
        o: 0 of a raw axis, v · mean of a component.
    """

    name: str
    vector: NDArray[np.float64]
    offset: float

    def of(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        """Coordinates (n,) of codes (n, d), in double precision."""
        found = np.empty(len(codes))
        for rows in row_chunks(len(codes)):
            found[rows] = codes[rows].astype(np.float64) @ self.vector - self.offset
        return found


def linear_of(opened: Opened, name: str) -> Linear | None:
    """Give the coordinate that a name stands for; None where it is no raw axis and no component.

    Components are those of the training codes, as ``zscope measure`` takes them.

    Raises
    ------
    ParameterError
        It is an axis or a component beyond d.
    """
    axis, component = AXIS.fullmatch(name), COMPONENT.fullmatch(name)
    if axis is not None:
        number = int(axis[1])
        if number >= opened.d:
            raise ParameterError("column", f"be an axis from axis0 to axis{opened.d - 1}", name)
        return Linear(name, np.eye(1, opened.d, number)[0], 0.0)
    if component is not None:
        number = int(component[1])
        if number > opened.d:
            raise ParameterError("column", f"be a component from pc1 to pc{opened.d}", name)
        vector = opened.axes.components[number - 1]
        return Linear(name, vector, float(vector @ opened.axes.centre))
    return None


def coordinates(opened: Opened, columns: Mapping[str, Column], name: str) -> Values:
    """Coordinates (N,) of all codes: raw axes as they are (float32), components in float64, measures in float32.

    Raises
    ------
    ParameterError
        There is no such column, or it holds no numbers.
    """
    axis = AXIS.fullmatch(name)
    linear = linear_of(opened, name)
    if axis is not None:
        return np.ascontiguousarray(opened.codes[:, int(axis[1])])
    if linear is not None:
        return linear.of(opened.codes)
    if name in opened.live and name not in columns:
        return LIVE[name](opened)
    if name not in columns:
        raise ParameterError("column", _there(opened, columns), name)
    if columns[name].kind != "number":
        raise ParameterError("plane", "be two columns of numbers", name)
    return columns[name].values


def coordinates_of_any(opened: Opened, name: str, codes: NDArray[Any]) -> NDArray[np.float64] | None:
    """Coordinates (n,) of any codes (n, d) in latent units; None of columns that only stored codes have."""
    linear = linear_of(opened, name)
    if linear is not None:
        return linear.of(codes)
    return radii(codes) if name == "radius" else None


def radii(codes: NDArray[Any]) -> NDArray[np.float64]:
    """Distance of each code from the origin: (n, d) → (n,), in latent units."""
    found = np.empty(len(codes))
    for rows in row_chunks(len(codes)):
        found[rows] = np.linalg.norm(codes[rows].astype(np.float64), axis=1)
    return found


def is_map(name: str) -> bool:
    """Tell whether a column is a coordinate of a map."""
    return name.removeprefix(OTHER_MAP).startswith(MAP)


def _measured(name: str) -> bool:
    return is_map(name) or MEASURED_COLUMN.fullmatch(name) is not None


def _there(opened: Opened, columns: Mapping[str, Column]) -> str:
    return f"be axis0 to axis{opened.d - 1}, pc1 to pc{opened.d}, or one of {', '.join([*columns, *opened.live])}"


def _narrow(values: NDArray[np.float64]) -> Values:
    """Numbers in float32 where that changes none of them: seconds since 1970 would be rounded to two minutes."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return short if np.array_equal(short, values, equal_nan=True) else values


def _column(name: str, values: pa.ChunkedArray) -> Column:
    if types.is_floating(values.type):
        return Column(name, "number", _narrow(values.to_numpy().astype(np.float64)))
    if types.is_integer(values.type) and name != "id" and len(values.drop_null().unique()) > MOST_CLASSES:
        return Column(name, "number", _narrow(values.cast(pa.float64()).to_numpy()))
    if not (types.is_integer(values.type) or types.is_boolean(values.type) or types.is_string(values.type)):
        texts = ["" if one is None else str(one) for one in values.to_pylist()]
        values = pa.chunked_array([pa.array([one or None for one in texts], pa.string())])
    coded = values.combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    found = coded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    rank = np.full(len(found) + 1, -1, np.int32)  # the last stands for −1, what is missing
    rank[order] = np.arange(len(found), dtype=np.int32)
    kind = "category" if name != "id" and len(found) <= MOST_CLASSES else "text"
    return Column(name, kind, rank[codes], tuple(str(found[place]) for place in order))


def _maps_apart(column: Column, splits: NDArray[np.str_]) -> list[Column]:
    """One column for each split that was mapped."""
    parts = []
    for split in dict.fromkeys(["train", *np.unique(splits).tolist()]):
        values = np.where(splits == split, column.values, np.float32(np.nan))
        if np.isfinite(values).any():
            name = OTHER_MAP + column.name if split == "held-out" else column.name
            parts.append(Column(name, "number", values))
    return parts
