"""What every measure takes and gives: codes in, a frozen result out."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zscope.clouds.base import checked_codes
from zscope.errors import CodesError, ParameterError
from zscope.measures.sample import Sample
from zscope.typing import CodeArray, Json, JsonDict, Progress, silent

MAX_POINTS, MAX_QUERIES = 20_000, 2_000
"""With more codes than this, so many are tested, and so many of these are queries."""

_LARGEST = 1e15
"""Squares of larger numbers, and of smaller ones than its inverse, times some hundred dimensions, leave float32."""


@dataclass(frozen=True, eq=False)
class LatentCodes:
    """The codes of a data set.

    Attributes
    ----------
    mean : ndarray of shape (N, d), float32
        Posterior means; for an autoencoder simply its codes.
    logvar : ndarray of shape (N, d), float32, or None
        Posterior log-variances; None for an autoencoder.
    groups : ndarray of shape (N,), or None
        Group of each code, such as the person on a photograph: neighbours of the own group can be left out.
    max_points, max_queries : int
        What is held against nulls is a random choice of at most so many codes, and so many of these are queries whose
        neighbours are looked for. Null draws are as many.
    """

    mean: CodeArray
    logvar: CodeArray | None = None
    groups: NDArray[Any] | None = None
    max_points: int = MAX_POINTS
    max_queries: int = MAX_QUERIES

    @classmethod
    def of(
        cls,
        mean: ArrayLike,
        logvar: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        max_points: int = MAX_POINTS,
        max_queries: int = MAX_QUERIES,
    ) -> "LatentCodes":
        """Check arrays and make them float32.

        Parameters
        ----------
        mean : array-like of shape (N, d)
            Any real numbers, any memory order.
        logvar : array-like of shape (N, d), optional
            Natural logarithms of the posterior variances.
        groups : array-like of shape (N,), optional
            Any values; equal ones are one group.
        max_points, max_queries : int
            Bounds on `sample`, at least 1.

        Returns
        -------
        LatentCodes
            The same numbers as float32, in row order.

        Raises
        ------
        CodesError
            If an array is not two-dimensional, not real numbers, empty, holds NaN or infinity (rows are counted and
            named) or numbers beyond float32, their squares are beyond float32, the two differ in shape, or the groups
            are not one a code.
        ParameterError
            If a bound is below 1.
        """
        for name, bound in (("max_points", max_points), ("max_queries", max_queries)):
            if bound < 1:
                raise ParameterError(name, "be at least 1", bound)
        means = _single_precision(mean, "codes")
        _check_scale(means)
        logvars = None if logvar is None else _single_precision(logvar, "log-variances")
        if logvars is not None and logvars.shape != means.shape:
            raise CodesError(f"log-variances must have the shape {means.shape} of the means, got {logvars.shape}")
        own = None if groups is None else np.asarray(groups)
        if own is not None and own.shape != (len(means),):
            raise CodesError(f"groups must be one a code, {len(means)}, got {own.shape}")
        return cls(means, logvars, own, max_points, max_queries)

    @cached_property
    def sample(self) -> Sample:
        """The codes that are held against nulls, chosen once for all measures, with their neighbours."""
        return Sample.of_codes(
            self.mean,
            np.random.default_rng(0),  # one choice for all measures and seeds: only the nulls' draws differ
            max_points=self.max_points,
            max_queries=self.max_queries,
            groups=self.groups,
        )

    @property
    def n(self) -> int:
        """Number of points N."""
        return int(self.mean.shape[0])

    @property
    def dimension(self) -> int:
        """Number of latent dimensions d."""
        return int(self.mean.shape[1])


def _single_precision(table: ArrayLike, what: str) -> CodeArray:
    numbers = checked_codes(table, what=what)
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(numbers, dtype=np.float32)
    if numbers.dtype != np.float32 and not np.isfinite(single).all():
        raise CodesError(f"{what} must fit into float32, got {np.abs(numbers).max():g}")
    return single


def _check_scale(codes: CodeArray) -> None:
    """Refuse codes whose squared distances float32 cannot hold."""
    largest, spread = float(np.abs(codes).max()), float(np.ptp(codes, axis=0).max())
    if largest > _LARGEST or 0 < spread < 1 / _LARGEST:
        figure = f"reach {largest:.2g}" if largest > _LARGEST else f"differ by at most {spread:.2g}"
        raise CodesError(
            f"codes must reach at most {_LARGEST:g} and differ by at least {1 / _LARGEST:g}, since their squared "
            f"distances are taken in single precision; these {figure}: scale them"
        )


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a measure found.

    Attributes
    ----------
    name : str
        The measure's name.
    values : dict
        Figures in plain Python types, ready for JSON; what cannot be computed is None, never NaN.
    points : dict of str to ndarray of shape (N,), float32
        Columns to keep with the points; NaN where a point was not used.
    """

    name: str
    values: JsonDict
    points: dict[str, NDArray[np.float32]] = field(default_factory=dict)


class Measure(ABC):
    """A statistic of latents.

    A subclass is a frozen dataclass of its parameters and enters `zscope.measures.MEASURES`.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def applies(self, codes: LatentCodes) -> str | None:  # noqa: ARG002 - most measures apply to all codes
        """Say why these codes cannot be measured so.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason in words; None if they can be measured.
        """
        return None

    def measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress = silent) -> Measurement:
        """Measure codes.

        Parameters
        ----------
        codes : LatentCodes
            N points in d dimensions.
        rng : numpy.random.Generator
            The only source of chance.
        progress : Progress
            Told how far the work is.

        Returns
        -------
        Measurement
            Figures, and columns for the points.

        Raises
        ------
        CodesError
            If the measure does not apply to these codes.
        """
        reason = self.applies(codes)
        if reason is not None:
            raise CodesError(f"{self.name} cannot be measured: {reason}")
        return self._measure(codes, rng, progress)

    @abstractmethod
    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        """Measure codes to which the measure applies."""


def chosen_rows(n: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose at most so many rows at random, without repetition, in rising order.

    Parameters
    ----------
    n : int
        Number of rows there are.
    most : int
        How many are wanted, at least 1.
    rng : numpy.random.Generator
        The choice; not touched if all rows are taken.

    Returns
    -------
    ndarray of int64
        min(n, most) row numbers.

    Raises
    ------
    ParameterError
        If `most` is below 1.
    """
    if most < 1:
        raise ParameterError("max_points", "be at least 1", most)
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False))


def finite_or_none(number: float) -> float | None:
    """Give a number as JSON can hold it.

    Parameters
    ----------
    number : float
        Any number.

    Returns
    -------
    float or None
        None for NaN and infinity.
    """
    plain = float(number)
    return plain if math.isfinite(plain) else None


def row_list(numbers: NDArray[np.floating[Any]]) -> list[Json]:
    """Give a row of numbers as JSON can hold it.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        Any numbers.

    Returns
    -------
    list of float or None
        None in place of NaN and infinity.
    """
    return [finite_or_none(number) for number in numbers.tolist()]
