"""Clusters: groups of codes with a valley of density between each two of them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds import CovarianceCloud
from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.dip import dip
from zscope.measures.kmeans import affinities, centres_of
from zscope.measures.threads import threads
from zscope.measures.valleys import FLAT, Halves, halves, partitions, separation, valleys
from zscope.measures.words import counted
from zscope.typing import JsonDict, Progress

LEAST_POINTS = 100
"""With fewer codes neither half of them makes two cells of some size."""

STARTS, BOOTSTRAPS = 3, 10
"""Starts of which the best gives the number of groups, and bootstraps that tell how stable so many are."""

DIPS = 10
"""Leading components whose dip is taken."""

_LEAST_SHARE = 0.005


def dips(split: Halves) -> list[float]:
    """Dip of the judged codes along each of the leading components.

    Parameters
    ----------
    split : Halves
        The codes.

    Returns
    -------
    list of float
        min(d, `DIPS`) of them (see `zscope.measures.dip.dip`).
    """
    return [dip(column) for column in split.judged[:, :DIPS].T]


def group_shares(split: Halves) -> NDArray[np.float64]:
    """Take the groups apart as far as they have anything of a valley between them.

    Of `STARTS` times all steps of `partitions` the one counts that leaves the largest share outside the largest group.
    Here both halves tell where valleys are, and pairs from `FLAT` on are linked: that errs less in the number where
    there are groups, and may find groups where there are none. Whether there are is what `separation` says.

    Parameters
    ----------
    split : Halves
        The codes.

    Returns
    -------
    ndarray of shape (number of groups,)
        Share of the codes in each group of at least half a percent, falling.
    """
    points = np.concatenate([split.fitted, split.judged])
    best = np.ones(1)
    with threads() as each:
        for turn in range(STARTS):
            for centres, _ in partitions(split, turn, each):
                groups = valleys(points, centres).shares(FLAT)
                if groups[0] < best[0]:
                    best = groups
    return best[best >= _LEAST_SHARE]


def stability(split: Halves, k: int, rng: np.random.Generator) -> float:
    """Say how alike k-means divides codes whose centres were fitted to different bootstraps.

    Parameters
    ----------
    split : Halves
        Centres are fitted to bootstraps of one half and divide the other.
    k : int
        Number of centres.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    float
        Adjusted Rand index (Hubert & Arabie 1985) with what centres fitted to all codes of that half make of it: mean
        of `BOOTSTRAPS`; 1 for the same division, 0 for one that agrees by chance.
    """
    from sklearn.metrics import adjusted_rand_score

    n = len(split.fitted)
    first, *others = rng.spawn(1 + BOOTSTRAPS)

    def divided(rows: NDArray[np.int64], stream: np.random.Generator) -> NDArray[np.int64]:
        with threads() as each:
            (centres,) = centres_of(split.fitted[rows], [k], stream, each)
        return np.asarray(affinities(split.judged, centres).argmax(axis=1))

    reference = divided(np.arange(n), first)
    found = [adjusted_rand_score(reference, divided(one.integers(n, size=n), one)) for one in others]
    return float(np.mean(found))


@dataclass(frozen=True)
class ClustersMeasure(Measure):
    """Number of groups with valleys between them, how much of the codes they hold, and how stable they are."""

    name: ClassVar[str] = "clusters"
    title: ClassVar[str] = "Clusters"

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are codes enough.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return too_few_for_clusters(codes.sample.n)

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        split = halves(codes.sample.points)
        data, null = rng.spawn(2)
        found = separation(split)
        progress("clusters", 1, 4)
        groups = group_shares(split)
        progress("clusters", 2, 4)
        k = max(len(groups), 2)
        stable: JsonDict = {"k": k, "bootstraps": BOOTSTRAPS, "codes": stability(split, k, data)}
        progress("clusters", 3, 4)
        stable["null"] = _null_stability(split, k, null)
        progress("clusters", 4, 4)
        return Measurement(
            self.name,
            {
                "count": len(groups),
                "groups": groups.tolist(),
                "share": found.share,
                "cells": list(found.cells),
                "shares": list(found.shares),
                "stability": stable,
                "dip": list(dips(split)),
                "fitted": len(split.fitted),
                "judged": len(split.judged),
                "components": int(split.fitted.shape[1]),
            },
        )


def too_few_for_clusters(n: int) -> str | None:
    """Say why clusters cannot be looked for in so few codes.

    Parameters
    ----------
    n : int
        Distinct codes.

    Returns
    -------
    str or None
        The reason in words; None for `LEAST_POINTS` and more.
    """
    if n >= LEAST_POINTS:
        return None
    return f"{counted(n, 'distinct code')} {'is' if n == 1 else 'are'} too few for clusters, it takes {LEAST_POINTS}"


def _null_stability(split: Halves, k: int, rng: np.random.Generator) -> float | None:
    """Take the same of a Gaussian cloud with the codes' mean and covariance; None where these fix all of it."""
    points = np.concatenate([split.fitted, split.judged])
    if len(points) <= points.shape[1]:
        return None
    draw = CovarianceCloud().fit(points).draw_matched(len(points), rng)
    return stability(Halves(draw[: len(split.fitted)], draw[len(split.fitted) :]), k, rng)
