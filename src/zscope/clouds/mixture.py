"""A mixture of Gaussians with full covariances, fitted by expectation maximisation."""

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.moments import gaussian_factor
from zscope.errors import CodesError, ParameterError

_RIDGE = 1e-6
"""Added to every component's variances, relative to the codes' mean variance: no component can shrink to a point."""

_MAX_ITERATIONS = 100
_TOLERANCE_PER_DIMENSION = 1e-5
"""Stop when a step gains less than this many nats per point and dimension: the log-likelihood grows with d."""


class MixtureCloud(Cloud):
    """A mixture of K Gaussians, each with its own mean and full covariance, fitted to all codes.

    Started from k-means; codes are centred and divided by one common scale first, so that the fit does not depend on
    the scale of the codes. Ghosh et al. 2020, "From Variational to Deterministic Autoencoders", sample so.

    Parameters
    ----------
    components : int
        K, at least 1; the codes must be at least 2 K points.
    seed : int
        Seed of the k-means start.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        Shares of the components, sum 1.
    means_ : ndarray of shape (K, d)
        Their means, in latent units.
    covariances_ : ndarray of shape (K, d, d)
        Their covariances.
    converged_ : bool
        Whether the fit came to rest before its last allowed iteration.
    iterations_ : int
        Iterations used.
    """

    name: ClassVar[str] = "mixture"
    keeps: ClassVar[str] = "mean and covariance of each of several groups"

    weights_: NDArray[np.float64]
    means_: NDArray[np.float64]
    covariances_: NDArray[np.float64]
    converged_: bool
    iterations_: int

    def __init__(self, components: int = 10, *, seed: int = 0) -> None:
        self.components = components
        self.seed = seed

    @property
    def label(self) -> str:
        """The cloud in words."""
        return f"mixture of {self.components} Gaussian{'s' if self.components != 1 else ''}"

    @property
    def spec(self) -> str:
        """The text that makes this cloud again (with the default seed)."""
        return f"{self.name}:{self.components}"

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
        from sklearn.mixture import GaussianMixture

        _check_components(self.components)
        n, d = codes.shape
        if n < 2 * self.components:
            raise CodesError(
                f"a mixture of {self.components} Gaussians needs at least {2 * self.components} codes, got {n}"
            )
        centre = codes.mean(axis=0, dtype=np.float64)
        scaled = codes - centre
        scale = float(np.sqrt(np.mean(np.square(scaled)))) or 1.0
        scaled /= scale
        model = GaussianMixture(
            self.components,
            covariance_type="full",
            tol=_TOLERANCE_PER_DIMENSION * d,
            reg_covar=_RIDGE,
            max_iter=_MAX_ITERATIONS,
            init_params="kmeans",
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            # Not converged, or fewer distinct codes than components: told by converged_, not by a warning.
            warnings.simplefilter("ignore")
            model.fit(scaled)
        self.weights_ = np.asarray(model.weights_, dtype=np.float64) / np.sum(model.weights_)
        self.means_ = centre + scale * model.means_
        self.covariances_ = scale**2 * model.covariances_
        self.converged_ = bool(model.converged_)
        self.iterations_ = int(model.n_iter_)
        self._factors = [gaussian_factor(covariance) for covariance in self.covariances_]

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        members = rng.choice(self.components, size=n, p=self.weights_)
        drawn = np.empty((n, self.means_.shape[1]))
        for component, (mean, factor) in enumerate(zip(self.means_, self._factors, strict=True)):
            rows = np.flatnonzero(members == component)
            drawn[rows] = mean + rng.standard_normal((len(rows), factor.shape[1])) @ factor.T
        return drawn


def _check_components(components: int) -> None:
    if components < 1:
        raise ParameterError("number of Gaussians of the mixture", "be at least 1", components)
