"""The copula cloud: every axis's own values, coupled as the components of a Gaussian are."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from zscope.clouds.base import Cloud
from zscope.clouds.matching import axis_blocks, check_points_for_moments, even_ranks, noise, with_moments
from zscope.clouds.moments import gaussian_factor, row_chunks
from zscope.typing import CodeArray


class CopulaCloud(Cloud):
    """z_j = Q_j(Φ(g_j)) with g ~ N(0, R): Q_j the quantiles of the codes' axis j, R the correlation of normal scores.

    Keeps every axis's distribution and the rank correlations between axes. Breaks dependence beyond pairs of ranks:
    groups, curves, holes, tails that several axes have together. It knows the axes, not the space: codes that were
    skewed along other directions than the axes escape it, and small variances along directions between the axes grow by
    about 6 / N of the axes' own: ranks cannot hold them.

    Rank correlations are those of normal scores Φ⁻¹(rank / (N + 1)) (van der Waerden). Unlike Spearman's 2 sin(π ρ / 6)
    they form a correlation matrix, and one whose smallest eigenvalues a draw of N points can repeat. Axes with equal
    values get the mean score of their ranks, which weakens their correlations; R makes up for it to first order, so
    that it is the correlation before values were made equal, as by a cut-off at zero.

    Attributes
    ----------
    sorted_ : ndarray of shape (d, N), float32
        The codes' values along every axis, in ascending order.
    correlation_ : ndarray of shape (d, d)
        R; 0 beside the diagonal for a constant axis.
    factor_ : ndarray of shape (d, k)
        F with F Fᵀ = R, k the rank.
    """

    name: ClassVar[str] = "copula"
    keeps: ClassVar[str] = "distribution of every axis and rank correlations"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {"sorted_": "d N", "correlation_": "d d", "factor_": "d k"}

    sorted_: CodeArray
    correlation_: NDArray[np.float64]
    factor_: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "each axis's own values, correlated"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.sorted_, scores = sorted_and_scores(codes)
        products = np.zeros((len(scores), len(scores)))
        for rows in row_chunks(len(codes)):
            part = scores[:, rows].astype(np.float64)
            products += part @ part.T
        self.correlation_ = _untied_correlation(products / len(codes))
        factor = gaussian_factor(self.correlation_)
        self.factor_ = factor / np.linalg.norm(factor, axis=1, keepdims=True)

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        independent = rng.standard_normal((n, self.factor_.shape[1]), dtype=np.float32)
        of = self.sorted_.shape[1]
        return self._with_values(
            independent @ self.factor_.T.astype(np.float32),
            lambda scores, values: values[np.minimum((ndtr(scores) * of).astype(np.int64), of - 1)],
        )

    def _draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw Gaussian points with exactly the correlation R, and put the codes' values in their places by rank.

        With as many points as codes each value occurs exactly as often as in the codes; any other number takes evenly
        spaced quantiles. The correlation of the draw's normal scores is R up to about 2 / n.
        """
        check_points_for_moments(n, self.dimension_)
        points = noise(n, self.factor_.shape[1], rng)
        ranks = even_ranks(n, self.sorted_.shape[1])

        def by_rank(scores: CodeArray, values: CodeArray) -> CodeArray:
            made = np.empty(n, dtype=np.float32)
            made[np.argsort(scores)] = values[ranks]
            return made

        return self._with_values(with_moments(points, np.zeros(self.dimension_), self.factor_), by_rank)

    def _with_values(self, gaussian: CodeArray, chosen: Callable[[CodeArray, CodeArray], CodeArray]) -> CodeArray:
        """Replace the Gaussian points' components in place by values of the codes."""
        for axes in axis_blocks(self.dimension_):
            columns = np.ascontiguousarray(gaussian[:, axes].T)
            gaussian[:, axes] = np.stack(
                [chosen(scores, values) for scores, values in zip(columns, self.sorted_[axes], strict=True)]
            ).T
        return gaussian


def sorted_and_scores(codes: NDArray[Any]) -> tuple[CodeArray, CodeArray]:
    """Sort every axis, and give every code its normal scores Φ⁻¹(rank / (N + 1)), divided by their root mean square.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        At least two.

    Returns
    -------
    values : ndarray of shape (d, N), float32
        In ascending order along every axis.
    scores : ndarray of shape (d, N), float32
        In the order of the codes; equal values share the mean of their ranks' scores. Mean 0; mean square 1, or less
        where values are equal.
    """
    values = codes.T.astype(np.float32, order="C")
    scores = np.empty_like(values)
    by_rank = ndtri(np.arange(1, len(codes) + 1) / (len(codes) + 1))
    by_rank /= np.sqrt(np.mean(np.square(by_rank)))
    for column, own in zip(values, scores, strict=True):
        order = np.argsort(column)
        column[:] = column[order]
        first = np.flatnonzero(np.diff(column, prepend=np.nan) != 0)
        counts = np.diff(first, append=len(column))
        own[order] = np.repeat(np.add.reduceat(by_rank, first) / counts, counts)
    return values, scores


def _untied_correlation(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of Gaussian axes before their values were made equal.

    A score s that stands for a range of g is its mean there, and g = s + rest; so the covariance of two scores is that
    of the g times the mean squares v_i v_j of the scores, exactly if only one of the two axes has equal values.
    """
    squares = np.diag(covariance)
    products = np.outer(squares, squares)
    correlation = np.divide(covariance, products, out=np.zeros_like(covariance), where=products > 0)
    np.fill_diagonal(correlation, 1.0)
    return np.clip(correlation, -1.0, 1.0)
