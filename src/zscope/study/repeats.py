"""Runs that differ by their seed only: which minima they found, and how far their radius depends on the seed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import median
from typing import cast

from zscope.typing import JsonDict

LOSS_GAP = 0.02
"""Final losses of one minimum are linked by steps of at most this share of their median."""

LOSS_FLOOR = 0.5
"""Final losses that differ by less are of one minimum, nats per image: a normalised likelihood may be near 0."""

RADIUS_GAP = 0.1
"""Mean radii of one minimum are linked by steps of at most this share of their median."""

RADIUS_FLOOR = 0.02
"""Radii of a VAE that differ by less than this part of √d, the prior's radius, are the same."""

LOOSE = 3.0
"""The loss does not fix the radius where runs found several minima and the radius spreads by more than `RADIUS_GAP` and
by more than so many times as much as the loss, both as shares."""


@dataclass(frozen=True)
class Repeat:
    """One of several runs that differ by their seed.

    Attributes
    ----------
    run : str
        Its name.
    loss : float
        Total at the end, nats per image, of held-out images where there are any.
    radius : float
        Mean radius of its training codes, latent units.
    """

    run: str
    loss: float
    radius: float


@dataclass(frozen=True)
class Minimum:
    """Runs that ended at the same loss and the same radius.

    Attributes
    ----------
    runs : tuple of str
        Their names.
    loss, radius : tuple of (float, float)
        The smallest and the largest, in nats per image and in latent units.
    """

    runs: tuple[str, ...]
    loss: tuple[float, float]
    radius: tuple[float, float]


@dataclass(frozen=True)
class Repeats:
    """What runs that differ by their seed only have found.

    Attributes
    ----------
    title : str
        What they have in common.
    minima : tuple of Minimum
        By their loss, the lowest first.
    loss, radius : tuple of (float, float)
        The smallest and the largest of all runs.
    loss_spread, radius_spread : float
        (largest − smallest) / median.
    """

    title: str
    minima: tuple[Minimum, ...]
    loss: tuple[float, float]
    radius: tuple[float, float]
    loss_spread: float
    radius_spread: float

    @property
    def runs(self) -> int:
        """How many runs they are."""
        return sum(len(minimum.runs) for minimum in self.minima)

    @property
    def loose(self) -> bool:
        """Whether the radius depends on the seed where the loss does not: see `LOOSE`."""
        return len(self.minima) > 1 and self.radius_spread > max(RADIUS_GAP, LOOSE * self.loss_spread)

    def as_json(self) -> JsonDict:
        """Give it for ``--json``."""
        return cast(JsonDict, {**asdict(self), "loose": self.loose})


def repeats_of(title: str, runs: Sequence[Repeat], prior_dimensions: int | None = None) -> Repeats:
    """Group repeats of one run into the minima that they found.

    Two runs are linked where their losses differ by at most `LOSS_GAP` of the median loss, or `LOSS_FLOOR`, and their
    radii by at most `RADIUS_GAP` of the median radius; a minimum is a set of runs that links connect (single linkage).

    Parameters
    ----------
    title : str
        What the runs have in common.
    runs : sequence of Repeat
        At least one.
    prior_dimensions : int, optional
        Latent dimensions of a VAE, whose prior gives radii a scale (see `RADIUS_FLOOR`); an AE's scale is free.

    Returns
    -------
    Repeats
        The minima, and the spreads of loss and radius.
    """
    losses, radii = [run.loss for run in runs], [run.radius for run in runs]
    middle_loss, middle_radius = abs(median(losses)), median(radii)
    floor = 0.0 if prior_dimensions is None else RADIUS_FLOOR * sqrt(prior_dimensions)
    near_loss, near_radius = max(LOSS_GAP * middle_loss, LOSS_FLOOR), max(RADIUS_GAP * middle_radius, floor)
    groups: list[list[Repeat]] = []
    for run in runs:
        linked = [
            group
            for group in groups
            if any(
                abs(run.loss - one.loss) <= near_loss and abs(run.radius - one.radius) <= near_radius for one in group
            )
        ]
        groups = [group for group in groups if group not in linked]
        groups.append([one for group in linked for one in group] + [run])
    order = [run.run for run in runs]
    minima = [
        Minimum(
            tuple(sorted((one.run for one in group), key=order.index)),
            _range([one.loss for one in group]),
            _range([one.radius for one in group]),
        )
        for group in groups
    ]
    return Repeats(
        title,
        tuple(sorted(minima, key=lambda minimum: minimum.loss)),
        _range(losses),
        _range(radii),
        _spread(losses, middle_loss),
        _spread(radii, middle_radius),
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _spread(values: Sequence[float], middle: float) -> float:
    return (max(values) - min(values)) / middle if middle else 0.0
