"""Networks that are trained on codes: the only module of the clouds that knows torch, imported when one is fitted.

All that goes in and out is arrays, what was learnt a dict of them. Chance comes from a seed, inside a fork of torch's
own generator, which is left as it was found.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import zuko
from numpy.typing import NDArray
from torch import Tensor, nn

from zscope.errors import FormatError

MOST_EPOCHS = 200
"""Passes over the points, at most; the rate of learning falls over them, or over `MOST_STEPS` if those are fewer."""

MOST_STEPS = 3000
"""Steps, at most: what bounds the time for many codes."""

BATCH = 512

PATIENCE = 6
"""Looks at the held-out points without gain before the end; there are `LOOKS` of them at most."""

LOOKS = 30

FLOW_RATE, SECOND_RATE = 2e-3, 1e-3

_SPLINES_TO = 64
"""Dimensions up to which a flow's steps are splines; beyond, their thousands of outputs a point take too long."""

_ROWS = 4096

Weights = dict[str, NDArray[Any]]
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Trained:
    """What came out of training.

    Attributes
    ----------
    weights : dict of str to ndarray
        Of the network where held-out points were likeliest.
    held_out : float
        Mean loss there, in nats per point.
    steps : int
        Steps until there.
    """

    weights: Weights
    held_out: float
    steps: int


def train_flow(points: NDArray[np.float32], seed: int) -> Trained:
    """Train a flow on points, beginning at the identity.

    Parameters
    ----------
    points : ndarray of shape (N, r)
        Whitened: mean 0, unit covariance. At least 20.
    seed : int
        Seed of weights, batches and the held-out tenth.

    Returns
    -------
    Trained
        The loss is −log p, so that the standard normal, where training begins, is the worst that can come out.
    """
    with _forked(seed):
        network = _flow(points.shape[1])
        for step in network.transform.transforms:
            layers = [layer for layer in step.modules() if isinstance(layer, nn.Linear)]
            # In one dimension there are no layers, but the spline's own parameters. At zero every step is the identity.
            for parameter in layers[-1].parameters() if layers else step.parameters():
                nn.init.zeros_(parameter)
        return _train(
            network,
            lambda batch: -network().log_prob(batch),
            points,
            np.empty((0, 0), dtype=np.float32),
            FLOW_RATE,
            seed,
        )


def check_flow(weights: Mapping[str, NDArray[Any]], r: int) -> None:
    """Refuse weights that are not those of a flow in r dimensions, by `FormatError`."""
    _loaded(weights, r)


def flow_points(weights: Mapping[str, NDArray[Any]], noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map standard normal noise through a trained flow.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Of `train_flow`.
    noise : ndarray of shape (n, r)
        ε.

    Returns
    -------
    ndarray of shape (n, r), float32
        Points, whitened as those that it was trained on.
    """
    inverse = _loaded(weights, noise.shape[1])().transform.inv
    with torch.no_grad():
        return _by_rows(inverse, noise)


def flow_log_density(weights: Mapping[str, NDArray[Any]], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-density of a trained flow at whitened points of shape (n, r), in nats."""
    flow = _loaded(weights, points.shape[1])()
    with torch.no_grad():
        return _by_rows(flow.log_prob, points)


def train_second_stage(points: NDArray[np.float32], sd: NDArray[np.float32], latent: int, seed: int) -> Trained:
    """Train a variational autoencoder of fully connected layers on points, with a learnt variance of its decoder.

    Parameters
    ----------
    points : ndarray of shape (N, r)
        Standardised. At least 20.
    sd : ndarray of shape (N, r) or of no rows
        Standard deviations of noise that is added to the points, anew in each batch.
    latent : int
        Its own latent dimensions.
    seed : int
        Seed of weights, batches, noise and the held-out tenth.

    Returns
    -------
    Trained
        The loss is −ELBO. Weights of the decoder are named ``decoder.…``; ``log_sd`` is the logarithm of its standard
        deviation.
    """
    with _forked(seed):
        d = points.shape[1]
        width = max(128, min(256, 2 * d))
        encoder, decoder = _layers(d, width, 2 * latent), _layers(latent, width, d)
        log_sd = nn.Parameter(torch.zeros(()))
        network = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        network.register_parameter("log_sd", log_sd)

        def loss(batch: Tensor) -> Tensor:
            mean, logvar = encoder(batch).chunk(2, dim=1)
            kl: Tensor = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1)
            made = decoder(mean + (0.5 * logvar).exp() * torch.randn_like(mean))
            squares = ((batch - made) / log_sd.exp()).square().sum(dim=1)
            loss_each: Tensor = kl + 0.5 * squares + d * (log_sd + 0.5 * math.log(2 * math.pi))
            return loss_each

        return _train(network, loss, points, sd, SECOND_RATE, seed)


@contextmanager
def _forked(seed: int) -> Iterator[None]:
    """Let torch draw from a seed; afterwards its own generator goes on as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    hidden = [nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def _flow(r: int) -> Any:
    """Coupling flow: half of the features are moved as the other half says, several times, other halves each."""
    if r <= _SPLINES_TO:
        # Coupling (two passes) and not autoregressive (r passes): drawing is then as fast as training.
        return zuko.flows.NSF(r, transforms=4, bins=6, passes=2, randperm=True, hidden_features=(64, 64))
    return zuko.flows.MAF(r, transforms=4, passes=2, randperm=True, hidden_features=(128, 128))


def _loaded(weights: Mapping[str, NDArray[Any]], r: int) -> Any:
    with _forked(0):  # what it draws for its first weights is overwritten
        network = _flow(r)
    try:
        network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})
    except RuntimeError as error:
        raise FormatError(f"weights of another flow: {str(error).splitlines()[-1].strip()}") from None
    return network


def _train(
    network: nn.Module, loss: Loss, points: NDArray[np.float32], sd: NDArray[np.float32], rate: float, seed: int
) -> Trained:
    """Lower a loss by Adam, its rate falling as a cosine, until held-out points gain nothing; keep the best weights."""
    order = np.random.default_rng(seed).permutation(len(points))
    held = max(len(points) // 10, 1)
    held_out, rest = _with_noise(points, sd, order[:held]), torch.from_numpy(order[held:])
    table = torch.from_numpy(points)
    spread = torch.from_numpy(sd) if len(sd) else None
    batch = min(BATCH, len(rest))
    most = min(MOST_EPOCHS * (len(rest) // batch), MOST_STEPS)
    look = max(most // LOOKS, 1)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, most)
    best = Trained(_arrays(network), _mean_loss(loss, held_out), 0)
    shuffled, place, misses = rest, len(rest), 0
    for step in range(1, most + 1):
        if place + batch > len(rest):
            shuffled, place = rest[torch.randperm(len(rest))], 0
        rows = shuffled[place : place + batch]
        place += batch
        chosen = table[rows]
        if spread is not None:
            chosen = chosen + spread[rows] * torch.randn_like(chosen)
        optimiser.zero_grad(set_to_none=True)
        loss(chosen).mean().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % look and step < most:
            continue
        found = _mean_loss(loss, held_out)
        if found < best.held_out:
            best, misses = Trained(_arrays(network), found, step), 0
        else:
            misses += 1
        if misses == PATIENCE:
            break
    return best


def _with_noise(points: NDArray[np.float32], sd: NDArray[np.float32], rows: NDArray[np.int64]) -> Tensor:
    chosen = torch.from_numpy(points[rows])
    return chosen + torch.from_numpy(sd[rows]) * torch.randn_like(chosen) if len(sd) else chosen


def _mean_loss(loss: Loss, points: Tensor) -> float:
    with torch.no_grad():
        return float(torch.cat([loss(part) for part in torch.split(points, _ROWS)]).double().mean())


def _arrays(network: nn.Module) -> Weights:
    return {name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()}


def _by_rows(function: Loss, table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([function(part).numpy() for part in torch.split(torch.from_numpy(table), _ROWS)])
