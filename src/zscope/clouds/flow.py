"""A normalising flow: a smooth, invertible map from the standard normal to the codes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import DensityCloud
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, row_chunks, shrunk, whitener
from zscope.errors import FormatError
from zscope.typing import CodeArray

_PREFIX = "network."


class FlowCloud(DensityCloud):
    """z = μ + F T(ε), ε ~ N(0, I): T a normalising flow fitted to codes that were whitened by their covariance F Fᵀ.

    Knows the density as far as the flow can follow it. T is a few coupling steps (Dinh et al. 2017, "Density
    Estimation using Real NVP"), each moving half of the whitened axes as a network of the other half says: in up to 64
    dimensions by rational-quadratic splines (Durkan et al. 2019, "Neural Spline Flows"), beyond by shift and scale;
    from zuko. Training begins at the identity, that is, at the cloud `covariance`, and ends where a held-out tenth of
    the codes gains nothing more, or after 3,000 batches of 512; what comes out is no worse than `covariance` on that
    tenth.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    factor_ : ndarray of shape (d, r)
        F, r the rank; shrunk as in `covariance` where the codes are few.
    held_out_ : float
        Mean log-likelihood of the held-out tenth, in nats per code; 0 if the codes are all equal.
    steps_ : int
        Steps of training until the best weights.
    network_ : dict of str to ndarray
        T's weights; none if the codes are all equal.

    Parameters
    ----------
    seed : int
        Seed of weights, batches and the held-out tenth.
    """

    name: ClassVar[str] = "flow"
    keeps: ClassVar[str] = "the density, as far as a network learns it"
    least: ClassVar[int] = 20
    learnt: ClassVar[Mapping[str, str]] = {"mean_": "d", "factor_": "d r", "held_out_": "", "steps_": ""}

    mean_: NDArray[np.float64]
    factor_: NDArray[np.float64]
    held_out_: float
    steps_: int
    network_: dict[str, NDArray[Any]]

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "normalising flow"

    def _fit(self, codes: NDArray[Any]) -> None:
        codes = np.ascontiguousarray(codes)
        self.mean_, covariance = mean_and_covariance(codes)
        self.factor_ = gaussian_factor(shrunk(covariance, codes)[0])
        self.network_, self.held_out_, self.steps_ = {}, 0.0, 0
        if self.factor_.shape[1]:
            from zscope.clouds.networks import train_flow

            trained = train_flow(self._white(codes), self.seed)
            self.network_, self.steps_ = trained.weights, trained.steps
            self.held_out_ = -trained.held_out - self._log_stretch()

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a draw needs, as arrays: the network's weights are named ``network.…``."""
        return super().state() | {_PREFIX + name: array for name, array in self.network_.items()}

    def _restored(self, others: Mapping[str, NDArray[Any]]) -> None:
        self.network_ = {name.removeprefix(_PREFIX): array for name, array in others.items()}
        if self.factor_.shape[1]:
            if not self.network_:
                raise FormatError(f"the state of the cloud {self.spec} must hold {_PREFIX}…, got none")
            from zscope.clouds.networks import check_flow

            check_flow(self.network_, self.factor_.shape[1])

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        white = rng.standard_normal((n, self.factor_.shape[1]), dtype=np.float32)
        if self.network_:
            from zscope.clouds.networks import flow_points

            white = flow_points(self.network_, white)
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            drawn[rows] = self.mean_ + white[rows] @ self.factor_.T
        return drawn

    def _log_density(self, codes: NDArray[Any]) -> NDArray[np.floating[Any]]:
        if self.factor_.shape[1] < self.factor_.shape[0]:
            return np.full(len(codes), -np.inf)
        from zscope.clouds.networks import flow_log_density

        return flow_log_density(self.network_, self._white(codes)).astype(np.float64) - self._log_stretch()

    def _white(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        inverse = whitener(self.factor_)
        return np.concatenate([((codes[rows] - self.mean_) @ inverse) for rows in row_chunks(len(codes))]).astype(
            np.float32
        )

    def _log_stretch(self) -> float:
        return float(0.5 * np.log(np.square(self.factor_).sum(axis=0)).sum())
