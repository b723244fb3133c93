"""All about one code, and small images of many."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.types as types
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import CodesError
from zscope.judging.network import reduced
from zscope.runs.latents import MEASURED_COLUMN
from zscope.study.explore.answer import LIMITS, Answer, Rows, checked_rows, number_or_none, plain, within
from zscope.study.explore.columns import Column, is_map
from zscope.study.explore.live import pixel_errors
from zscope.study.explore.opened import Opened
from zscope.typing import CodeArray, ImageArray, Json, JsonDict

_SPARE = 16
_EDGES = (8, 256)
_MOST_NEIGHBOURS = 50
_AT_A_TIME = 16

NEIGHBOUR_EDGE = 128
"""Pixels of the longer side of a neighbour's image, at most."""


def nearest_rows(codes: CodeArray, row: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the k codes nearest to one of them, itself left out by its row and not by distance 0.

    Distances are taken from differences, in single precision over all codes, and again in double precision of a few
    more than k, so that they are exact and in the right order.

    Parameters
    ----------
    codes : ndarray of shape (N, d), float32
        The codes.
    row : int
        The one that is asked about.
    k : int
        How many, at most N − 1 are given.

    Returns
    -------
    rows : ndarray of shape (k,), int64
        Rising in distance.
    distances : ndarray of shape (k,), float64
        Euclidean, in latent units.
    """
    k = min(k, len(codes) - 1)
    if k < 1:
        return np.empty(0, np.int64), np.empty(0)
    squares = np.empty(len(codes), np.float32)
    own = codes[row]
    for rows in row_chunks(len(codes)):
        apart = codes[rows] - own
        squares[rows] = np.einsum("ij,ij->i", apart, apart)
    squares[row] = np.inf
    near = np.argpartition(squares, min(k + _SPARE, len(codes) - 1))[: k + _SPARE + 1]
    near = near[near != row]
    distances = np.linalg.norm(codes[near].astype(np.float64) - own, axis=1)
    order = np.lexsort((near, distances))[:k]
    return near[order].astype(np.int64), distances[order]


class Points:
    """Single codes, with all that is known of them.

    Parameters
    ----------
    opened : Opened
        The codes.
    columns : mapping
        Columns of the points.
    """

    def __init__(self, opened: Opened, columns: Mapping[str, Column]) -> None:
        self.opened = opened
        self.columns = columns
        points = opened.points
        self._labels = [
            name for name in points.column_names if name not in ("id", "split") and not MEASURED_COLUMN.fullmatch(name)
        ]
        # Axes and components of the points are those of their own split: what is shown is computed anew.
        self._numbers = [
            name for name, one in columns.items() if one.kind == "number" and not one.is_label and not is_map(name)
        ]

    def point(self, row: int, neighbours: int = 12) -> Answer:
        """Give all about a code.

        Parameters
        ----------
        row : int
            Of the points.
        neighbours : int
            Nearest codes that are named, 0 to 50, of any split.

        Returns
        -------
        Answer
            ``row``, ``id``, ``split``, ``labels``, ``numbers``, ``neighbours`` (``row``, ``id``, ``distance``,
            ``labels``), ``says``; ``code`` (d,), ``image`` and ``reconstruction`` (H, W, C), ``neighbour_images``
            (k, h, w, C), at most `NEIGHBOUR_EDGE` pixels long, where there are such.
        """
        row = self.opened.row(row)
        rows, distances = nearest_rows(self.opened.codes, row, within("neighbours", neighbours, 0, _MOST_NEIGHBOURS))
        code = np.ascontiguousarray(self.opened.codes[row])
        buffers: dict[str, NDArray[Any]] = {"code": code}
        numbers = {name: number_or_none(self.columns[name].values[row]) for name in self._numbers}
        says = [f"Neighbours are the nearest of all {self.opened.n:,} codes, in all {self.opened.d} dimensions."]
        if self.opened.pictures is not None:
            buffers["image"] = self.opened.pictures.of(np.array([row]))[0]
            buffers["neighbour_images"] = self._small(rows, NEIGHBOUR_EDGE)
        else:
            says.append(sentence(self.opened.why_no_pictures))
        if self.opened.model is not None:
            decoded = self.opened.decode(code[None])[0]
            buffers["reconstruction"] = decoded
            if "image" in buffers:
                numbers["reconstruction_error"] = float(pixel_errors(buffers["image"][None], decoded[None])[0])
        else:
            says.append(sentence(self.opened.why_no_model))
        about: list[Json] = [
            {
                "row": int(other),
                "id": self.opened.ids[other],
                "distance": float(distance),
                "labels": self.labels(int(other)),
            }
            for other, distance in zip(rows, distances, strict=True)
        ]
        data: JsonDict = {
            "row": row,
            "id": self.opened.ids[row],
            "split": str(self.opened.splits[row]),
            "labels": self.labels(row),
            "numbers": dict[str, Json](numbers),
            "neighbours": about,
            "says": " ".join(says),
        }
        return Answer(data, buffers)

    def labels(self, row: int) -> JsonDict:
        """Labels of a code by name, as they are stored; dates and the like as text."""
        found: JsonDict = {}
        for name in self._labels:
            column = self.opened.points[name]
            value = column[row].as_py()
            found[name] = plain(value) if not types.is_floating(column.type) or value is None else number_or_none(value)
        return found

    def thumbnails(self, rows: Rows, edge: int = 48) -> Answer:
        """Give small images of codes.

        Parameters
        ----------
        rows : sequence of int
            1 to 400 rows, in any order.
        edge : int
            The longer side is at most so many pixels, 8 to 256; smaller images stay as they are.

        Returns
        -------
        Answer
            ``says``; ``images`` (m, h, w, C), uint8.

        Raises
        ------
        CodesError
            There are neither images nor a model.
        """
        chosen = checked_rows(rows, self.opened.n)
        within("the number of rows", len(chosen), 1, LIMITS["thumbnails"])
        within("edge", edge, *_EDGES)
        if self.opened.pictures is not None:
            return Answer({"says": ""}, {"images": self._small(chosen, edge)})
        if self.opened.model is None:
            raise CodesError(self.opened.why_no_pictures)
        says = sentence(f"{self.opened.why_no_pictures}; these are reconstructions")
        return Answer({"says": says}, {"images": small(self.opened.decode(self.opened.codes[chosen]), edge)})

    def _small(self, rows: NDArray[np.int64], edge: int) -> ImageArray:
        """Small images of codes; few large ones are in memory at a time."""
        pictures = self.opened.pictures
        assert pictures is not None
        if not len(rows):
            return pictures.of(rows)
        parts = (rows[start : start + _AT_A_TIME] for start in range(0, len(rows), _AT_A_TIME))
        return np.concatenate([small(pictures.of(part), edge) for part in parts])


def small(images: ImageArray, edge: int) -> ImageArray:
    """Shrink images (n, H, W, C) by means over areas until the longer side is at most `edge` pixels."""
    height, width, channels = images.shape[1:]
    share = edge / max(height, width)
    if share >= 1:
        return images
    return reduced(images, (max(1, round(height * share)), max(1, round(width * share)), channels))


def sentence(reason: str) -> str:
    """Make a sentence of a reason."""
    return f"{reason[:1].upper()}{reason[1:]}{'' if reason.endswith('.') else '.'}"
