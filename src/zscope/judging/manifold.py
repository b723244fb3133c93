"""Density and coverage, precision and recall: images against balls around real ones, to the k-th neighbour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.judging.intervals import Score, share_score
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.threads import blocks, threads
from zscope.typing import CodeArray

NEIGHBOURS = 5
HALVES = 200


@dataclass(frozen=True, eq=False)
class Membership:
    """Which images lie in which balls.

    Attributes
    ----------
    holding : ndarray of shape (m,), int64
        Number of balls that each image lies in.
    held : ndarray of shape (n,), int64
        Number of images that lie in each ball.
    half_coverage : ndarray of shape (r,)
        Coverage by each half of the images that was asked for.
    k : int
        Each ball reaches to the k-th neighbour of its centre among the centres.
    """

    holding: NDArray[np.int64]
    held: NDArray[np.int64]
    half_coverage: NDArray[np.float64]
    k: int

    @property
    def density(self) -> float:
        """Σ holding / (k m): 1 on the average where images and centres are alike; may exceed it."""
        return float(self.holding.mean()) / self.k

    @property
    def coverage(self) -> float:
        """Share of balls that hold an image; see `expected_coverage`."""
        return float((self.held > 0).mean())

    @property
    def inside(self) -> float:
        """Share of images in any ball: precision, or recall where the two sets change places."""
        return float((self.holding > 0).mean())


def membership(
    real: CodeArray, images: CodeArray, k: int = NEIGHBOURS, halves: NDArray[np.bool_] | None = None
) -> Membership:
    """Find the images that lie within the distance of each real image to its k-th nearest other one.

    Density and coverage are from Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models";
    precision and recall from Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric".

    Parameters
    ----------
    real : ndarray of shape (n, d), float32
        Features of real images, more than k.
    images : ndarray of shape (m, d), float32
        Features of the images that are judged, at least one.
    k : int
        At least 1.
    halves : ndarray of shape (r, m), bool, optional
        Halves of the images whose coverage is wanted too, for `coverage_score`.

    Returns
    -------
    Membership
        Distances up to the rounding of float32 in squares of the size of the features.

    Raises
    ------
    ParameterError
        `k` is out of its bounds, there is no image, or the features have different numbers of dimensions.
    """
    if images.ndim != 2 or len(images) < 1 or images.shape[1] != real.shape[1]:
        raise ParameterError("features of images", f"have shape (m, {real.shape[1]}), m at least 1", images.shape)
    radii = nearest_neighbours(real, k).distances[:, -1].astype(np.float64)
    centre = real.mean(axis=0, dtype=np.float64).astype(np.float32)
    centres, places = real - centre, images - centre
    norms = np.einsum("ij,ij->i", centres, centres).astype(np.float64)
    own = np.einsum("ij,ij->i", places, places)
    bounds = ((radii**2 - norms) / 2).astype(np.float32)

    chosen = np.empty((0, len(images)), np.float32) if halves is None else halves.astype(np.float32)

    def within(block: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """|x − y|² < r², written as xy + (r² − |x|²) / 2 > |y|² / 2."""
        products = places[block] @ centres.T
        products += bounds
        inside = products > own[block, None] / 2
        return np.count_nonzero(inside, axis=1), np.count_nonzero(inside, axis=0), chosen[:, block] @ inside

    with threads() as each:
        holding, held, by_half = zip(*each(within, blocks(len(places))), strict=True)
    by_halves = np.sum(by_half, axis=0)
    return Membership(np.concatenate(holding), np.sum(held, axis=0), (by_halves > 0).mean(axis=1, dtype=np.float64), k)


def draw_halves(m: int, rng: np.random.Generator, count: int = HALVES) -> NDArray[np.bool_]:
    """Draw halves of m images: an array of shape (count, m) that says which images are in each."""
    return rng.permuted(np.tile(np.arange(m) < m // 2, (count, 1)), axis=1)


def coverage_score(balls: Membership) -> Score:
    """Coverage with an interval for other images from the same source; the balls are taken as they are.

    Balls that overlap are filled by the same images, so that the coverage varies more than a share of independent ones.
    Resampling with replacement would empty balls that a new draw fills; therefore halves of the images are drawn. A
    ball with c images holds none of a half with probability 2⁻ᶜ: the variance of the halves' coverage over what it
    would be if balls were independent, Σ 2⁻ᶜ (1 − 2⁻ᶜ) / n², is the design effect. Wilson's interval is taken for n
    over this effect balls, and at most n.

    Parameters
    ----------
    balls : Membership
        With the coverage of some 200 halves, see `draw_halves`.

    Returns
    -------
    Score
        Within 0 … 1.
    """
    n = len(balls.held)
    missed = 0.5**balls.held
    independent = float(np.sum(missed * (1 - missed))) / n**2
    varied = float(balls.half_coverage.var(ddof=1))
    effect = max(varied / independent, 1.0) if independent > 0 else 1.0
    return share_score(balls.held > 0, effective=n / effect)


def precision_and_recall(real: CodeArray, images: CodeArray, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Share of images within the real ones' balls, and of real images within the images' balls.

    Both sink with the number of dimensions, to 0.5 and less, for equal distributions too: read density and coverage.

    Parameters
    ----------
    real, images : ndarray of shape (n, d) and (m, d), float32
        Features, more than k of each.
    k : int
        At least 1.

    Returns
    -------
    precision, recall : float
        Each 0 … 1.
    """
    return membership(real, images, k).inside, membership(images, real, k).inside


def expected_coverage(n: int, m: int, k: int = NEIGHBOURS) -> float:
    """Coverage that m images have on the average if they are drawn as the n real ones are.

    1 − Π (n − 1 − j) / (n + m − 1 − j) over j = 0 … k − 1: of a real image's k nearest among all n + m − 1 others, not
    all are real ones. For n = m and many images 1 − 2⁻ᵏ, .969 for k = 5.

    Parameters
    ----------
    n, m : int
        Numbers of real and of judged images; n more than k.
    k : int
        At least 1.

    Returns
    -------
    float
        0 … 1.
    """
    steps = np.arange(k)
    return float(1 - np.prod((n - 1 - steps) / (n + m - 1 - steps)))
