"""Codes of the same images by two models: what the one tells of the other, and how alike they lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError
from zscope.measures.base import finite_or_none
from zscope.measures.goodness import ks_distance
from zscope.measures.space import Space, cross_product

_PENALTIES = 10.0 ** np.arange(-8, 3, 0.5)
_NO_VARIANCE = 1e-12
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class Alikeness:
    """How alike two models' codes of the same images are. None stands where codes that do not vary leave nothing.

    All but the peaks' shift and the radii's distance stay as they are when either space is shifted, turned, mirrored or
    scaled.

    Attributes
    ----------
    r2_forth, r2_back : float or None
        Share of the variance of the second model's codes that a linear map from the first's gives, on images that the
        map was not fitted to, and the same from the second to the first (`ridge_r2`).
    cka, cka_debiased : float or None
        Linear centred kernel alignment (`linear_cka`), as it is and free of the bias of few images.
    overlap : float
        Mean share of an image's nearest neighbours in one space that are so in the other.
    overlap_by_chance : float
        What unrelated spaces show, k / (n − 1).
    spectrum_correlation : float or None
        Correlation of the logarithms of the components' variances; two falling rows of numbers always correlate highly.
    spectrum_distance : float or None
        Share of the variance that lies on components of another rank (`spectrum_distance`).
    peak_shift : float
        Peak of the second model's radii minus that of the first's, in latent units.
    peak_shift_sd : float or None
        The same over the root of the mean of both variances of the radius.
    radius_ks : float
        Kolmogorov–Smirnov distance of the radii.
    inertia_ratio : float or None
        Mean absolute logarithm of the ratio of both inertia curves, each as a share of its total variance.
    """

    r2_forth: float | None
    r2_back: float | None
    cka: float | None
    cka_debiased: float | None
    overlap: float
    overlap_by_chance: float
    spectrum_correlation: float | None
    spectrum_distance: float | None
    peak_shift: float
    peak_shift_sd: float | None
    radius_ks: float
    inertia_ratio: float | None

    @property
    def r2(self) -> float | None:
        """Mean of both directions; None where either is."""
        return None if self.r2_forth is None or self.r2_back is None else (self.r2_forth + self.r2_back) / 2


def alikeness(one: Space, other: Space) -> Alikeness:
    """Compare two models' codes of the same images.

    Parameters
    ----------
    one, other : Space
        Row i of both is the same image; they may differ in dimension.

    Returns
    -------
    Alikeness
        Every figure; what is needed of one space alone is computed once and kept with it.

    Raises
    ------
    CodesError
        If the spaces differ in their number of images.
    """
    if one.n != other.n:
        raise CodesError(f"both models' codes must be of the same images, got {one.n:,} and {other.n:,} rows")
    plain, debiased = linear_cka(one, other)
    shift = other.peak - one.peak
    width = float(np.sqrt((one.radii.var() + other.radii.var()) / 2))
    k = one.neighbours.indices.shape[1]
    return Alikeness(
        ridge_r2(one, other),
        ridge_r2(other, one),
        plain,
        debiased,
        neighbour_overlap(one.neighbours.indices, other.neighbours.indices),
        k / (one.n - 1),
        spectrum_correlation(one.variances, other.variances),
        spectrum_distance(one.variances, other.variances),
        shift,
        shift / width if width > _NO_SPREAD * max(one.peak, other.peak) else None,
        ks_distance(one.radii, other.radii),
        curve_ratio(one.inertia, other.inertia),
    )


def ridge_r2(source: Space, target: Space) -> float | None:
    """Share of the target's variance that a linear map from the source gives, on images it was not fitted to.

    R² = 1 − Σ|y − ŷ|² / Σ|y − ȳ|² over the second half of the images and all axes together, so that it does not depend
    on the target's basis; ŷ by ridge regression on the first half. Its penalty is the one of 22 (10⁻⁸ to 10^2.5 of the
    sum of squares along the widest source axis) with the least generalised cross-validation on that half,
    n RSS(λ) / (n − df(λ))² (Golub, Heath & Wahba 1979), which the principal axes of the source give in closed form.

    Parameters
    ----------
    source, target : Space
        Codes of the same images in the same random order.

    Returns
    -------
    float or None
        Up to 1; about 0, or a little below, for unrelated spaces; None if the target's second half does not vary.
    """
    ridge, half = source.ridge, source.n // 2
    centre = target.unit[:half].mean(axis=0)
    wanted, held = target.unit[:half] - centre, target.unit[half:] - centre
    spread = float(np.square(held - held.mean(axis=0)).sum(dtype=np.float64))
    if spread <= _NO_VARIANCE * len(held):
        return None
    products = (ridge.fitting.T @ wanted).astype(np.float64)
    penalty = _penalty(ridge.squares, products, float(np.square(wanted).sum(dtype=np.float64)), half)
    weights = (products / (ridge.squares + penalty)[:, None]).astype(np.float32)
    return 1 - float(np.square(held - ridge.held @ weights).sum(dtype=np.float64)) / spread


def _penalty(squares: NDArray[np.float64], products: NDArray[np.float64], total: float, n: int) -> float:
    """Choose the penalty with the least n RSS / (n − df)².

    With squares s and products p of the source's principal axes RSS(λ) = Σ|y|² − Σ |p|² (s + 2λ) / (s + λ)² and
    df(λ) = 1 + Σ s / (s + λ).
    """
    grid = _PENALTIES * (float(squares.max()) or 1.0)
    s, powers = squares[:, None], np.square(products).sum(axis=1)[:, None]
    left = np.maximum(total - (powers * (s + 2 * grid) / (s + grid) ** 2).sum(axis=0), 0.0)
    free = n - 1 - (s / (s + grid)).sum(axis=0)
    score = np.full(len(grid), np.inf)
    # With as many axes as images a small penalty fits everything and leaves nothing to judge it by.
    np.divide(left, free**2, out=score, where=free > 0.01 * n)
    return float(grid[int(np.argmin(score))])


def linear_cka(one: Space, other: Space) -> tuple[float | None, float | None]:
    """Linear centred kernel alignment ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖) of centred codes (Kornblith et al. 2019).

    Few images raise it: unrelated round clouds of dimensions d and d′ show about √(d d′) / n. The debiased variant
    puts the unbiased estimate of each product in its place (Song et al. 2012; Nguyen, Raghu & Kornblith 2021) and shows
    0 on the average there.

    Parameters
    ----------
    one, other : Space
        Codes of the same images.

    Returns
    -------
    plain : float or None
        0 … 1; None if either space does not vary.
    debiased : float or None
        Up to 1, and a little below 0 at times.
    """
    cross = cross_product(one.unit, other.unit)
    plain, debiased = (
        product / float(np.sqrt(own * foreign)) if own > 0 and foreign > 0 else None
        for product, own, foreign in zip(cross, one.self_product, other.self_product, strict=True)
    )
    return plain, debiased


def neighbour_overlap(one: NDArray[np.integer[Any]], other: NDArray[np.integer[Any]]) -> float:
    """Mean share of neighbours that two lists have in common.

    Parameters
    ----------
    one, other : ndarray of shape (m, k)
        Names of the k nearest neighbours of the same m queries; no name twice in a row.

    Returns
    -------
    float
        0 … 1; k / (n − 1) is expected of unrelated spaces with n points.
    """
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    return float(np.count_nonzero(both[:, 1:] == both[:, :-1]) / one.size)


def spectrum_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Correlation of the logarithms of the variances of the leading components that both spaces have.

    Parameters
    ----------
    one, other : ndarray of shape (d,) and (d′,)
        Falling; what is below 10⁻¹² of the largest is rounding.

    Returns
    -------
    float or None
        None with fewer than three common components, or if either spectrum is flat.
    """
    ranks = [int(np.count_nonzero(row > _NO_VARIANCE * row[0])) for row in (one, other)]
    kept = min(ranks)
    if kept < 3:
        return None
    logs = np.log(np.stack([one[:kept], other[:kept]]))
    if (logs.std(axis=1) <= _NO_VARIANCE).any():
        return None
    return finite_or_none(np.corrcoef(logs)[0, 1])


def spectrum_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Half the sum of |p − q| over the components' shares p and q of the variance.

    Parameters
    ----------
    one, other : ndarray of shape (d,) and (d′,)
        Variances, falling; the shorter is filled up with zeros.

    Returns
    -------
    float or None
        0 … 1, the share of the variance that would have to move to components of another rank; None if either does not
        vary.
    """
    if not (one.sum() > 0 and other.sum() > 0):
        return None
    shares = np.zeros((2, max(len(one), len(other))))
    for row, variances in zip(shares, (one, other), strict=True):
        row[: len(variances)] = variances / variances.sum()
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def curve_ratio(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Mean |log (a / b)| of two curves at the same places.

    Parameters
    ----------
    one, other : ndarray of shape (c,)
        Positive; 0 stands for codes that so many centres hold exactly.

    Returns
    -------
    float or None
        In nats: 0.1 is a ratio of about 1.1 on the average. None where a curve is empty or has a zero.
    """
    if len(one) != len(other) or len(one) == 0 or min(one.min(), other.min()) <= 0:
        return None
    return float(np.abs(np.log(one / other)).mean())
