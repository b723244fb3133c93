"""The inertia curve of k-means: how tightly ever more centres hold the codes."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.typing import CodeArray, Progress


def inertia_per_point(codes: CodeArray, k: int, batch: int, seed: int) -> float:
    """Mean squared distance of codes to the nearest of `k` centres, found by mini-batch k-means (Sculley 2010).

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        All of them are used, in batches, and all of them are in the mean.
    k : int
        Number of centres, at most N.
    batch : int
        Codes a step.
    seed : int
        Seed of the start and the batches.

    Returns
    -------
    float
        In squared latent units.
    """
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, batch_size=batch, n_init=3, random_state=seed)
    with warnings.catch_warnings():
        # Fewer distinct codes than centres: some centres stay empty, and the inertia is right as it is.
        warnings.simplefilter("ignore")
        model.fit(codes)
    return float(model.inertia_) / len(codes)


@dataclass(frozen=True)
class InertiaMeasure(Measure):
    """Inertia per point for 2, 4, … centres.

    Attributes
    ----------
    most : int
        Largest number of centres; fewer where there are fewer codes.
    step : int
        From one number to the next.
    batch : int
        Codes a step of mini-batch k-means.
    """

    name: ClassVar[str] = "inertia"
    title: ClassVar[str] = "Inertia of k-means"

    most: int = 80
    step: int = 2
    batch: int = 1024

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
        seed = int(rng.integers(2**31))
        # Distances are taken in float32, where a mean far from the origin would swallow digits.
        centred = _centred(codes.mean)
        curve: list[float] = []
        for done, k in enumerate(numbers, start=1):
            curve.append(inertia_per_point(centred, k, self.batch, seed))
            progress("k-means", done, len(numbers), k=k)
        return Measurement(
            self.name,
            {
                "k": list(numbers),
                "inertia": list(curve),
                "n": codes.n,
                "unit": "mean squared distance to the nearest centre",
                "batch": self.batch,
            },
        )


def _centred(codes: CodeArray) -> NDArray[np.float32]:
    return np.asarray(codes - codes.mean(axis=0, dtype=np.float64).astype(np.float32))
