"""Places of a plane: which code lies there, and what it decodes to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError, ZscopeError
from zscope.generation.arithmetic import attribute_vector
from zscope.study.explore.answer import LIMITS, Answer, Base, Plane, finite
from zscope.study.explore.caches import Once, Recent
from zscope.study.explore.columns import COMPONENT, Column, coordinates, is_map, linear_of
from zscope.study.explore.opened import Opened
from zscope.typing import CodeArray, ImageArray, JsonDict

BLENDED = 5
"""Codes that are averaged where a plane has no inverse."""

_ATTRIBUTE = "attribute:"
_LEAST_ANGLE = 1e-6

Wanted = tuple[Base, Plane | None, Sequence[Sequence[float]] | None, Mapping[str, float]]
"""What is to be decoded: a base, a plane and places in it or neither, and shifts."""


def in_plane(
    base: NDArray[np.float64], vectors: NDArray[np.float64], offsets: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Code at each place of a plane of two linear coordinates: as near to the base as a code there can be.

    With p(z) = Vᵀ z − o the two coordinates of a code, V = [v₁ v₂] unit vectors,

        z = b + V (Vᵀ V)⁻¹ ((u, v) − p(b)),

    so that p(z) = (u, v) and all that is orthogonal to both vectors is the base's. For two raw axes i and j this is the
    base with z_i = u and z_j = v; for two components b + (u − p_i(b)) e_i + (v − p_j(b)) e_j; for an axis and a
    component, which are not orthogonal, it solves for both.

    Parameters
    ----------
    base : ndarray of shape (d,)
        b.
    vectors : ndarray of shape (2, d)
        v₁ and v₂, of length 1.
    offsets : ndarray of shape (2,)
        o.
    at : ndarray of shape (m, 2)
        Places (u, v), in latent units.

    Returns
    -------
    ndarray of shape (m, d), float64
        The codes.

    Raises
    ------
    ParameterError
        Both coordinates run along one direction.
    """
    gram = vectors @ vectors.T
    if np.sqrt(max(0.0, 1 - gram[0, 1] ** 2)) < _LEAST_ANGLE:
        raise ParameterError("plane", "be two columns that run along different directions", "one direction")
    missing = at - (vectors @ base - offsets)
    return np.asarray(base + np.linalg.solve(gram, missing.T).T @ vectors)


@dataclass(frozen=True, eq=False)
class Placed:
    """Codes at places.

    Attributes
    ----------
    how : {"code", "blend"}
        Whether each code lies at its place, or is a mean of codes that are shown near it.
    says : str
        That in a sentence.
    codes : ndarray of shape (m, d), float64
        The codes.
    """

    how: str
    says: str
    codes: NDArray[np.float64]


class Places:
    """From places to codes and images.

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
        self._vectors: Recent[NDArray[np.float64]] = Recent(256)
        self._shown: Recent[tuple[NDArray[np.float64], NDArray[np.int64]]] = Recent(4)

    @Once
    def attributes(self) -> dict[str, tuple[Column, str]]:
        """Find attributes that have a vector, each with its label and the value that counts as having it.

        Labels of truth values are attributes, and so are single values of other labels with at most 40. Both groups
        must have training codes; without a model there is nothing to shift, and none is named.
        """
        if self.opened.model is None:
            return {}
        found: dict[str, tuple[Column, str]] = {}
        for column in self.columns.values():
            if column.kind != "category" or not column.is_label:
                continue
            counts = np.bincount(column.values[self.opened.train] + 1, minlength=len(column.texts) + 1)[1:]
            there = [text for text, count in zip(column.texts, counts, strict=True) if count]
            true = _truth(column)
            if len(there) > 1 and true is not None:
                found[column.name] = column, true
            elif len(there) > 1:
                found |= {f"{column.name}={text}": (column, text) for text in there}
        return found

    def offset(self, shifts: Mapping[str, float]) -> NDArray[np.float64]:
        """Sum what sliders add to a code.

        Parameters
        ----------
        shifts : mapping of str to float
            ``pcI``: times the standard deviation of the training codes along that component; ``attribute:NAME``: times
            the attribute's vector, the mean of the training codes with it minus the mean of those without.

        Returns
        -------
        ndarray of shape (d,), float64
            Their sum, in latent units.

        Raises
        ------
        ParameterError
            A name is neither, or a number is not finite.
        """
        total = np.zeros(self.opened.d)
        for name, factor in shifts.items():
            (times,) = finite(f"shifts.{name}", [factor], 1)
            if name.startswith(_ATTRIBUTE):
                total += times * self.attribute(name.removeprefix(_ATTRIBUTE))
            elif re.fullmatch(r"pc\d+", name) and (linear := linear_of(self.opened, name)) is not None:
                total += times * np.sqrt(self.opened.axes.variances[int(name[2:]) - 1]) * linear.vector
            else:
                raise ParameterError("shifts", f"be named pc1 to pc{self.opened.d} or attribute:NAME", name)
        return total

    def attribute(self, name: str) -> NDArray[np.float64]:
        """Vector (d,) of an attribute, in latent units; `ParameterError` where there is no such attribute."""
        return self._vectors.get(name, lambda: self._attribute(name))

    def _attribute(self, name: str) -> NDArray[np.float64]:
        if name not in self.attributes:
            there = list(self.attributes)
            listed = ", ".join(there[:12]) + (f" and {len(there) - 12:,} more" if len(there) > 12 else "")
            raise ParameterError("attribute", f"be one of {listed or 'none: no label has two values'}", name)
        column, value = self.attributes[name]
        own = column.values[self.opened.train]
        return attribute_vector(self.opened.training_codes, own == column.texts.index(value), own >= 0).vector

    def placed(
        self,
        base: Base,
        plane: Plane | None = None,
        at: Sequence[Sequence[float]] | None = None,
        shifts: Mapping[str, float] | None = None,
        *,
        most: int = LIMITS["places"],
    ) -> Placed:
        """Find the codes at places of a plane.

        Parameters
        ----------
        base : Base
            Gives what the plane leaves open.
        plane : Plane, optional
            The plane; without one the only code is that of the base, with what sliders add.
        at : sequence of pairs, optional
            Places (u, v) in the plane.
        shifts : mapping of str to float, optional
            What sliders add to the base (see `offset`); a plane's coordinates come out as the places say all the same.
        most : int
            Places at most.

        Raises
        ------
        ParameterError
            A name, a number or the number of places is out of bounds.
        """
        shift = self.offset(shifts or {})
        if plane is None or at is None:
            if plane is not None or at is not None:
                raise ParameterError("plane and at", "be given together", "one of them")
            return Placed("code", self._held(base, None, shifts or {}), (self.opened.code_of(base) + shift)[None])
        if not 1 <= len(at) <= most:
            raise ParameterError("at", f"be 1 to {most:,} places", len(at))
        places = np.array([finite("at", place, 2) for place in at])
        check_plane(plane)
        linear = [linear_of(self.opened, name) for name in (plane.x, plane.y)]
        if linear[0] is None or linear[1] is None:
            return self._blend(plane, places, shift)
        vectors = np.stack([linear[0].vector, linear[1].vector])
        offsets = np.array([linear[0].offset, linear[1].offset])
        codes = in_plane(self.opened.code_of(base) + shift, vectors, offsets, places)
        return Placed("code", self._held(base, plane, shifts or {}), codes)

    def _held(self, base: Base, plane: Plane | None, shifts: Mapping[str, float]) -> str:
        """Say where the other coordinates come from."""
        if base.kind == "mean":
            what = "the mean of the training codes"
        elif base.kind == "row":
            what = f"the code of {self.opened.ids[self.opened.row(base.row)]}"
        else:
            what = "the given code"
        moved = f", moved along {', '.join(shifts)}" if any(shifts.values()) else ""
        if plane is None:
            return f"This is {what}{moved}."
        components = [COMPONENT.fullmatch(name) is not None for name in (plane.x, plane.y)]
        if any(components) and not all(components):
            return f"Of the codes at this place of {plane.x} and {plane.y} the one nearest to {what}{moved}."
        others = "components" if all(components) else "coordinates"
        return f"In the plane of {plane.x} and {plane.y}; all other {others} are those of {what}{moved}."

    def _blend(self, plane: Plane, places: NDArray[np.float64], shift: NDArray[np.float64]) -> Placed:
        """Average the codes that are shown nearest to each place, weighted by 1 / distance."""
        shown, rows = self._shown.get(plane, lambda: self._finite(plane))
        count = min(BLENDED, len(rows))
        if not count:
            raise CodesError(f"no code has both {plane.x} and {plane.y}")
        # Columns of unlike units are compared in their own standard deviations; a map has one scale for both.
        mapped = is_map(plane.x) and is_map(plane.y)
        scale = np.ones(2) if mapped else np.maximum(shown.std(axis=0), np.finfo(np.float64).tiny)
        codes = np.empty((len(places), self.opened.d))
        for place, where in enumerate(places):
            distances = np.linalg.norm((shown - where) / scale, axis=1)
            near = np.argpartition(distances, count - 1)[:count]
            found = distances[near]
            # At a code's very place the blend is that code; elsewhere 1 / distance up to a factor.
            weights = found.min() / found if found.min() > 0 else (found == 0).astype(np.float64)
            codes[place] = weights @ self.opened.codes[rows[near]].astype(np.float64) / weights.sum()
        what = "map" if mapped else "plane"
        says = (
            f"A blend: this {what} has no inverse. What is decoded is the mean of the {count} codes that are shown "
            "nearest, weighted by 1 / distance; it need not lie at this place."
        )
        return Placed("blend", says, codes + shift)

    def _finite(self, plane: Plane) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Coordinates (m, 2) of the codes that have both, and their rows."""
        shown = np.stack(
            [coordinates(self.opened, self.columns, name).astype(np.float64) for name in (plane.x, plane.y)], axis=1
        )
        rows = np.flatnonzero(np.isfinite(shown).all(axis=1))
        return shown[rows], rows

    def decode(
        self,
        base: Base,
        plane: Plane | None = None,
        at: Sequence[Sequence[float]] | None = None,
        shifts: Mapping[str, float] | None = None,
    ) -> Answer:
        """Decode the codes at places of a plane, or the base with what sliders add.

        Returns
        -------
        Answer
            ``how``, ``says``, ``distances`` (the judge's, at most 1 for a meaningful image; None where no judge has
            been made); ``images`` (m, H, W, C) and ``codes`` (m, d), float32.

        Raises
        ------
        ParameterError
            As `placed`.
        CodesError
            There is no model.
        """
        placed = self.placed(base, plane, at, shifts)
        codes = as_stored(placed.codes)
        return self._answer(placed, codes, self.opened.decode(codes))

    def decode_together(self, wanted: Sequence[Wanted]) -> list[Answer | Exception]:
        """Decode several requests in one go; each gets its answer, or what is wrong with it."""
        found: list[tuple[Placed, CodeArray] | Exception] = []
        for base, plane, at, shifts in wanted:
            try:
                placed = self.placed(base, plane, at, shifts)
                found.append((placed, as_stored(placed.codes)))
            except (ParameterError, CodesError) as error:
                found.append(error)
        codes = [one[1] for one in found if not isinstance(one, Exception)]
        if not codes:
            return [one for one in found if isinstance(one, Exception)]
        try:
            images = self.opened.decode(np.concatenate(codes))
        except CodesError as error:
            return [one if isinstance(one, Exception) else error for one in found]
        answers: list[Answer | Exception] = []
        start = 0
        for one in found:
            if isinstance(one, Exception):
                answers.append(one)
                continue
            try:
                answers.append(self._answer(*one, images[start : start + len(one[1])]))
            except ZscopeError as error:
                answers.append(error)
            start += len(one[1])
        return answers

    def _answer(self, placed: Placed, codes: CodeArray, images: ImageArray) -> Answer:
        distances = self.opened.judged(images)
        data: JsonDict = {
            "how": placed.how,
            "says": placed.says,
            "distances": None if distances is None else [float(one) for one in distances],
        }
        return Answer(data, {"images": images, "codes": codes})


def check_plane(plane: Plane) -> None:
    """Refuse a plane of one column with itself."""
    if plane.x == plane.y:
        raise ParameterError("plane", "be two different columns", f"{plane.x} twice")


def as_stored(codes: NDArray[np.float64]) -> CodeArray:
    """Codes in float32; `ParameterError` where they are beyond it."""
    with np.errstate(over="ignore"):
        found: CodeArray = codes.astype(np.float32)
    if not np.isfinite(found).all():
        raise ParameterError("at", "lie within the numbers of float32", "a place beyond them")
    return found


def _truth(column: Column) -> str | None:
    """Find the text that stands for true, where the label has truth values (or 0 and 1, or −1 and 1)."""
    there = set(column.texts)
    pairs = ({"True", "False"}, "True"), ({"0", "1"}, "1"), ({"-1", "1"}, "1")
    return next((true for pair, true in pairs if there == pair), None)
