"""Geodesics of the decoder: between two codes, the path along which the pictures change least."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from zscope.errors import ParameterError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.paths import resampled
from zscope.models.autoencoder import Autoencoder
from zscope.typing import FloatArray, Progress, silent

Pictures = Callable[[Tensor], Tensor]
"""Codes (n, d) → pictures (n, …), differentiable; float32 or float64 like its argument."""

_BLOCK = 10
"""Steps of the minimiser between two looks at the energy."""


@dataclass(frozen=True, eq=False)
class Geodesic:
    """A curve of least energy, and what it was before.

    Attributes
    ----------
    curve : ndarray of shape (nodes, d), float64
        The codes along it; its ends are those it started with.
    energy_before, energy : float
        T Σ w_t |g(z_{t+1}) − g(z_t)|² over the T = nodes − 1 steps, in squared pixel units, of the curve it started
        from and of what was found; never below the squared length.
    length_before, length : float
        Σ √w_t |g(z_{t+1}) − g(z_t)|, in pixel units: the sum of chords between nodes.
    iterations : int
        Steps of the minimiser.
    converged : bool
        Whether the last ten steps lowered the energy by less than the tolerance.
    """

    curve: NDArray[np.float64]
    energy_before: float
    energy: float
    length_before: float
    length: float
    iterations: int
    converged: bool


def geodesic(
    pictures: Pictures,
    start: FloatArray,
    *,
    nodes: int = 25,
    stay: float = 0.0,
    neighbourhood: Neighbourhood | None = None,
    iterations: int = 300,
    tolerance: float = 1e-3,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: Progress = silent,
) -> Geodesic:
    """Minimise the energy of a curve in the metric that the decoder g pulls back to the codes, JᵀJ.

    E = T Σ w_t |g(z_{t+1}) − g(z_t)|² over nodes z_0 … z_T with fixed ends (Shao, Kumar and Fletcher 2018). At its
    minimum the pictures change evenly and E is the squared length. The inner nodes are the start plus a sum of sines,
    each scaled by what it costs in a flat space, so that L-BFGS sees long and short waves alike.

    A plain AE's decoder also makes smooth pictures of places without codes, and its shortest path may go there.
    Arvanitidis, Hansen and Hauberg (2018) add the decoder's variance, which an AE has none of. Here `stay` stretches
    the metric instead: w = 1 + stay · max(0, r − 1)², r the distance from the middle of a step to the nearest code
    over the typical one. 0 is the pull-back metric itself.

    Parameters
    ----------
    pictures : callable
        The decoder.
    start : ndarray of shape (m, d)
        A line through points to start from.
    nodes : int
        Nodes of the curve, at least 3.
    stay : float
        Weight of staying near codes, at least 0 and finite; above 0 it needs `neighbourhood`.
    neighbourhood : Neighbourhood, optional
        The codes.
    iterations : int
        Steps of the minimiser at most, at least 1.
    tolerance : float
        Relative fall of the energy over ten steps below which it ends.
    device, dtype
        Where and in what to compute.
    progress : Progress
        Told every ten steps.

    Returns
    -------
    Geodesic
        The lowest energy that was seen; a minimum near the start, not of all curves.

    Raises
    ------
    ParameterError
        A number is out of its bounds.
    """
    _check(nodes, stay, iterations, neighbourhood)
    base = torch.as_tensor(resampled(start, nodes), device=device).to(dtype)
    waves = _waves(nodes).to(base)
    weigh = _weights(stay, neighbourhood, base)
    amplitudes = torch.zeros(nodes - 2, base.shape[1], device=base.device, dtype=dtype, requires_grad=True)

    def curve() -> Tensor:
        return torch.cat([base[:1], base[1:-1] + waves @ amplitudes, base[-1:]])

    def steps() -> Tensor:
        points = curve()
        return pictures(points).flatten(1).diff(dim=0).square().sum(dim=1) * weigh(points)

    with torch.no_grad():
        first = steps()
    # Dividing by the first energy puts every decoder on one scale, which the minimiser's own tolerances want.
    scale = max(float(first.sum()), torch.finfo(dtype).tiny)
    minimiser = torch.optim.LBFGS(
        [amplitudes],
        max_iter=_BLOCK,
        history_size=20,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def energy() -> Tensor:
        value = steps().sum() / scale
        (amplitudes.grad,) = torch.autograd.grad(value, amplitudes)
        return value

    seen, done, converged = 1.0, 0, float(first.sum()) == 0
    best = base.clone()
    while done < iterations and not converged:
        progress("geodesic", done, iterations, energy=seen)
        minimiser.step(energy)  # type: ignore[no-untyped-call]
        done += _BLOCK
        with torch.no_grad():
            now = float(steps().sum()) / scale
            if now < seen:
                best = curve().clone()
        converged = seen - now <= tolerance * seen
        seen = min(seen, now)
    with torch.no_grad():
        amplitudes.zero_()
        last = pictures(best).flatten(1).diff(dim=0).square().sum(dim=1) * weigh(best)
    energies = [(nodes - 1) * float(part.sum()) for part in (first, last)]
    lengths = [float(part.sqrt().sum()) for part in (first, last)]
    return Geodesic(best.double().cpu().numpy(), energies[0], energies[1], lengths[0], lengths[1], done, converged)


def pictures_of(model: Autoencoder) -> Pictures:
    """Give the means of p(x|z) of a model as a differentiable function: codes (n, d) → pictures (n, C, H, W).

    In evaluation mode and float32; unlike `Autoencoder.decode` it keeps what gradients by the codes need. Of the
    decoder's weights none are taken, which would cost a third of the time.
    """
    frozen = {name: parameter.detach() for name, parameter in model.decoder.named_parameters()}

    def pictures(codes: Tensor) -> Tensor:
        was_training = model.training
        model.eval()
        try:
            return model.likelihood.mean(functional_call(model.decoder, frozen, (codes,)).float())
        finally:
            model.train(was_training)

    return pictures


def _waves(nodes: int) -> Tensor:
    """Sines over the inner nodes, each divided by the root of its eigenvalue of the chain's second difference."""
    inner = torch.arange(1, nodes - 1, dtype=torch.float64)
    angle = torch.pi / (nodes - 1)
    sines = math.sqrt(2 / (nodes - 1)) * torch.sin(angle * inner[:, None] * inner[None, :])
    return sines / (2 * torch.sin(angle * inner / 2))


def _weights(stay: float, neighbourhood: Neighbourhood | None, base: Tensor) -> Callable[[Tensor], Tensor]:
    if stay == 0 or neighbourhood is None:
        return lambda points: torch.ones_like(points[1:, 0])
    codes = torch.as_tensor(neighbourhood.codes, device=base.device).to(base.dtype)

    def weigh(points: Tensor) -> Tensor:
        middles = (points[1:] + points[:-1]) / 2
        nearest = torch.cdist(middles, codes).min(dim=1).values / neighbourhood.typical
        return 1 + stay * (nearest - 1).clamp(min=0).square()

    return weigh


def _check(nodes: int, stay: float, iterations: int, neighbourhood: Neighbourhood | None) -> None:
    if nodes < 3:
        raise ParameterError("nodes", "be at least 3", nodes)
    if not 0 <= stay < math.inf:
        raise ParameterError("stay", "be at least 0 and finite", stay)
    if stay and neighbourhood is None:
        raise ParameterError("stay", "be 0 without codes to stay near", stay)
    if iterations < 1:
        raise ParameterError("iterations", "be at least 1", iterations)
