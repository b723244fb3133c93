"""A mixture of Gaussians with full covariances; how many, if nobody says, codes that were held out decide."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import DensityCloud
from zscope.clouds.expectation import RIDGE, Gaussians, climb, gaussians, grouped, log_density
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, shrunk
from zscope.errors import CodesError, ParameterError

CANDIDATES = (1, 2, 3, 5, 10, 20, 30, 50, 75, 100)
"""Numbers of Gaussians to choose from."""

_PSEUDO_COUNTS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Points that the shared covariance is worth, per dimension, to choose from; the third unless codes are held out."""

_LEAST_TO_CHOOSE = 20
"""Codes from which a tenth is at least two."""

_JUDGED = 20_000
"""Codes among which a tenth is held out: more of them would not change the choice, only take longer."""

_LEAST_OF_A_GROUP = 10
"""Codes per Gaussian, at least, among those to choose from."""

_MISSES = 3
"""Numbers of Gaussians in a row that are no better: the search ends."""

_STANDARD_ERRORS = 2
"""What more Gaussians must gain; less is chance, and fewer of them do as well."""

_MOST_STEPS, _STEPS_OF_A_CHOICE = 100, 20
_TOLERANCE_PER_DIMENSION, _TOLERANCE_OF_A_CHOICE = 3e-5, 3e-4
"""Stop when a step gains less than this many nats per point and dimension: the log-likelihood grows with d."""


class MixtureCloud(DensityCloud):
    """A mixture of K Gaussians, each with its own mean and full covariance: p(z) = Σ_k π_k N(z; μ_k, Σ_k).

    Fitted by expectation maximisation, started from k-means; codes are centred and divided by one common scale first,
    so that the fit does not depend on the scale of the codes. Ghosh et al. 2020, "From Variational to Deterministic
    Autoencoders", sample so.

    Covariances are shrunk towards the one inside groups, W: Σ_k = (S_k + ν W) / (N_k + ν), S_k the group's scatter and
    N_k its points; many dimensions with few codes a group would leave them singular. One Gaussian has nothing to share;
    its covariance is shrunk where `covariance` shrinks its own.

    K, if not given, and the pseudo-count ν are chosen by the mean log-likelihood of a held-out tenth, among at most
    20,000 codes drawn at random (`judged_on_` is that tenth). K goes through 1, 2, 3, 5, 10, 20, 30, 50, 75, 100 with
    at least 10 codes a Gaussian; a larger K is taken if it gains more than two standard errors of the gain, and three
    in a row that do not end the search. The chosen mixture is then fitted to all codes. Fewer than 20 codes hold none
    out: K must be given, and ν is d.

    Parameters
    ----------
    components : int, optional
        K, at least 1; the codes must be at least 2 K points. Chosen if not given; the codes must be at least 20 then.
    seed : int
        Seed of the held-out tenth and of k-means.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        Shares of the components, sum 1.
    means_ : ndarray of shape (K, d)
        Their means, in latent units.
    covariances_ : ndarray of shape (K, d, d)
        Their covariances.
    pseudo_count_ : float
        ν, in codes.
    choices_ : ndarray of shape (m, 3)
        What was tried: K, its best ν, and the held-out mean log-likelihood in nats per code. Empty of too few codes.
    judged_on_ : int
        Codes that were held out for the choice.
    converged_ : bool
        Whether the fit came to rest before its last allowed iteration.
    iterations_ : int
        Iterations of the fit to all codes.
    """

    name: ClassVar[str] = "mixture"
    keeps: ClassVar[str] = "mean and covariance of each of several groups"
    learnt: ClassVar[Mapping[str, str]] = {
        "weights_": "K",
        "means_": "K d",
        "covariances_": "K d d",
        "pseudo_count_": "",
        "choices_": "M 3",
        "judged_on_": "",
        "converged_": "",
        "iterations_": "",
    }

    weights_: NDArray[np.float64]
    means_: NDArray[np.float64]
    covariances_: NDArray[np.float64]
    pseudo_count_: float
    choices_: NDArray[np.float64]
    judged_on_: int
    converged_: bool
    iterations_: int

    def __init__(self, components: int | None = None, *, seed: int = 0) -> None:
        self.components = components
        self.seed = seed

    @property
    def label(self) -> str:
        """The cloud in words; once fitted, with the number of Gaussians that was chosen."""
        count = self.components or (len(self.weights_) if hasattr(self, "weights_") else None)
        if count is None:
            return "mixture of Gaussians"
        return f"mixture of {count} Gaussian{'s' if count != 1 else ''}"

    @property
    def spec(self) -> str:
        """The text that makes this cloud again (with the default seed)."""
        return self.name if self.components is None else f"{self.name}:{self.components}"

    @classmethod
    def from_figure(cls, figure: str) -> "MixtureCloud":
        """Make the cloud from the number of its Gaussians.

        Parameters
        ----------
        figure : str
            A whole number, at least 1.

        Returns
        -------
        MixtureCloud
            Not yet fitted.

        Raises
        ------
        ParameterError
            If it is no whole number of at least 1.
        """
        try:
            components = int(figure)
        except ValueError:
            raise ParameterError("number of Gaussians of the mixture", "be a whole number", figure) from None
        _check_components(components)
        return cls(components)

    def _fit(self, codes: NDArray[Any]) -> None:
        self._check_enough(len(codes))
        table = np.ascontiguousarray(codes)
        d = table.shape[1]
        centre = table.mean(axis=0, dtype=np.float64)
        centred = table - centre
        scale = float(np.sqrt(np.mean(np.square(centred)))) or 1.0
        points = (centred / scale).astype(np.float32)
        start, self.pseudo_count_ = self._chosen(points, -d * np.log(scale))
        found = climb(points, start, self.pseudo_count_, tolerance=_TOLERANCE_PER_DIMENSION * d, most=_MOST_STEPS)
        model = found.model if len(found.model.weights) > 1 else _single(points)
        self.weights_ = model.weights / model.weights.sum()
        self.means_ = centre + scale * model.means
        self.covariances_ = scale**2 * model.covariances
        self.converged_, self.iterations_ = found.converged, found.steps
        self._restored({})

    def _check_enough(self, n: int) -> None:
        if self.components is None:
            if n < _LEAST_TO_CHOOSE:
                raise CodesError(
                    f"a mixture that chooses its number of Gaussians needs at least {_LEAST_TO_CHOOSE} codes, got {n}; "
                    "mixture:1 does with 2"
                )
            return
        _check_components(self.components)
        if n < 2 * self.components:
            raise CodesError(
                f"a mixture of {self.components} Gaussians needs at least {2 * self.components} codes, got {n}"
            )

    def _chosen(self, points: NDArray[np.float32], log_unit: float) -> tuple[Gaussians, float]:
        """Choose K and ν on a held-out tenth, and give what the rest makes of them, to begin with.

        `log_unit` is the log-density of a code less that of its point.
        """
        n, d = points.shape
        self.choices_, self.judged_on_ = np.empty((0, 3)), 0
        usual = _PSEUDO_COUNTS[2] * d
        if self.components is not None and n < _LEAST_TO_CHOOSE:
            return _started(points, self.components, usual, self.seed), usual
        order = np.random.default_rng(self.seed).permutation(n)[:_JUDGED]
        self.judged_on_ = len(order) // 10
        held_out, fitted = points[order[: self.judged_on_]], points[order[self.judged_on_ :]]
        counts = (self.components,) if self.components is not None else CANDIDATES
        best = _judged(fitted, held_out, counts[0], usual, self.seed)
        tried, misses = [best], 0
        for count in counts[1:]:
            if misses == _MISSES or count * _LEAST_OF_A_GROUP > len(fitted):
                break
            tried.append(_judged(fitted, held_out, count, tried[-1].pseudo, self.seed))
            gains = tried[-1].likelihoods - best.likelihoods
            if gains.mean() > _STANDARD_ERRORS * gains.std() / np.sqrt(len(gains)):
                best, misses = tried[-1], 0
            else:
                misses += 1
        self.choices_ = np.array(
            [(len(one.model.weights), one.pseudo, one.likelihoods.mean() + log_unit) for one in tried]
        )
        return best.model, best.pseudo

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        members = rng.choice(len(self.weights_), size=n, p=self.weights_)
        drawn = np.empty((n, self.means_.shape[1]), dtype=np.float32)
        for component, (mean, factor) in enumerate(zip(self.means_, self._factors, strict=True)):
            rows = np.flatnonzero(members == component)
            drawn[rows] = mean + rng.standard_normal((len(rows), factor.shape[1])) @ factor.T
        return drawn

    def _log_density(self, codes: NDArray[Any]) -> NDArray[np.floating[Any]]:
        centre = self.means_.mean(axis=0)
        moved = Gaussians(self.weights_, self.means_ - centre, self.covariances_)
        return log_density(codes.astype(np.float64) - centre, moved)

    def _restored(self, others: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002 - it has no others
        self._factors = [gaussian_factor(covariance) for covariance in self.covariances_]


@dataclass(frozen=True, eq=False)
class _Judged:
    """A mixture, its pseudo-count, and the log-likelihood of every held-out point."""

    model: Gaussians
    pseudo: float
    likelihoods: NDArray[np.float64]


def _judged(
    points: NDArray[np.float32], held_out: NDArray[np.float32], count: int, pseudo: float, seed: int
) -> _Judged:
    """Fit K Gaussians to points, choose ν with the groups that come out, and say how likely held-out points are."""
    if count == 1:
        model = _single(points)
        return _Judged(model, pseudo, log_density(held_out, model).astype(np.float64))
    d = points.shape[1]
    start = _started(points, count, pseudo, seed)
    found = climb(points, start, pseudo, tolerance=_TOLERANCE_OF_A_CHOICE * d, most=_STEPS_OF_A_CHOICE)
    tried = []
    for own in [per_dimension * d for per_dimension in _PSEUDO_COUNTS]:
        model = gaussians(found.groups, own)
        tried.append(_Judged(model, own, log_density(held_out, model).astype(np.float64)))
    return max(tried, key=lambda one: float(one.likelihoods.mean()))


def _single(points: NDArray[np.float32]) -> Gaussians:
    """One Gaussian, its covariance shrunk as that of `CovarianceCloud`, with the ridge of every component."""
    mean, covariance = mean_and_covariance(points)
    widened, _ = shrunk(covariance, points)
    return Gaussians(np.ones(1), mean[None], (widened + RIDGE * np.eye(len(mean)))[None])


def _started(points: NDArray[np.float32], count: int, pseudo: float, seed: int) -> Gaussians:
    """Gaussians of the groups that k-means finds."""
    shares = np.ones((1, len(points)), dtype=np.float32)
    if count > 1:
        from sklearn.cluster import KMeans

        with warnings.catch_warnings():
            # Fewer distinct codes than components is no fault: some components are then the same.
            warnings.simplefilter("ignore")
            labels = KMeans(count, n_init=1, random_state=seed, max_iter=50).fit(points).labels_
        shares = (labels == np.arange(count)[:, None]).astype(np.float32)
    return gaussians(grouped(points, shares), pseudo)


def _check_components(components: int) -> None:
    if components < 1:
        raise ParameterError("number of Gaussians of the mixture", "be at least 1", components)
