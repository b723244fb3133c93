"""The inertia curve of k-means: how tightly ever more centres hold the codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measure, Measurement, chosen_rows
from zscope.measures.kmeans import centres_of, inertias
from zscope.measures.threads import threads
from zscope.typing import CodeArray, Progress, silent

CODES_PER_CENTRE = 250
"""Codes that centres are fitted to, for each of the largest number of centres. With twice as many the inertia of all
codes falls by 0.2 % at most."""


def inertia_curve(
    codes: CodeArray, numbers: Sequence[int], rng: np.random.Generator, progress: Progress = silent
) -> NDArray[np.float64]:
    """Mean squared distance of codes to the nearest of k centres, for several k.

    Centres are fitted to a random choice of codes where there are many (see `zscope.measures.kmeans.centres_of`); the
    mean is over all codes.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Finite numbers.
    numbers : sequence of int
        Values of k, rising, 1 … N.
    rng : numpy.random.Generator
        The only source of chance.
    progress : Progress
        Told after each k.

    Returns
    -------
    ndarray of shape (number of k,)
        In squared latent units.
    """
    # Distances are taken in float32, where a mean far from the origin would swallow digits.
    centred = np.asarray(codes - codes.mean(axis=0, dtype=np.float64).astype(np.float32))
    fitted = centred[chosen_rows(len(centred), CODES_PER_CENTRE * numbers[-1], rng)]
    several: list[CodeArray] = []
    with threads() as each:
        for centres in centres_of(fitted, numbers[::-1], rng, each):
            several.append(centres)
            progress("k-means", len(several), len(numbers), k=len(centres))
        return inertias(centred, several[::-1], each)


@dataclass(frozen=True)
class InertiaMeasure(Measure):
    """Inertia per point for 2, 4, … centres.

    Attributes
    ----------
    most : int
        Largest number of centres; fewer where there are fewer codes.
    step : int
        From one number to the next.
    """

    name: ClassVar[str] = "inertia"
    title: ClassVar[str] = "Inertia of k-means"

    most: int = 80
    step: int = 2

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are codes for two centres.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return None if codes.n >= 2 else "two centres need at least 2 codes, got 1"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        numbers = list(range(2, min(self.most, codes.n) + 1, self.step))
        curve = inertia_curve(codes.mean, numbers, rng, progress)
        return Measurement(
            self.name,
            {
                "k": list(numbers),
                "inertia": curve.tolist(),
                "n": codes.n,
                "fitted": min(codes.n, CODES_PER_CENTRE * numbers[-1]),
                "unit": "mean squared distance to the nearest centre",
            },
        )
