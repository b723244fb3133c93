"""Where along a sweep something sets in: the weight for the median over seeds, and the interval over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Literal, cast

from zscope.typing import JsonDict

HALF = 0.5
"""Random codes decode where at least this share of their images is as near to real ones as reconstructions are."""

MOST_NOISE = 0.05
"""Where a larger share of images of noise is as near as that, reconstructions are no yardstick."""

COLLAPSED = 0.9
"""Units have collapsed where at most this part of the latent dimensions is active."""

State = Literal["at", "from the smallest", "not reached", "undecided", "not measured"]

BySeed = Mapping[float, Mapping[str, float]]
"""A figure by weight and by seed."""


@dataclass(frozen=True)
class Crossing:
    """The smallest weight of a sweep at which a condition holds.

    Attributes
    ----------
    state : str
        ``at`` a weight, ``from the smallest`` weight on, ``not reached`` in this sweep, ``undecided``, or ``not
        measured``.
    weight : float or None
        The smallest weight at which it holds for the median over seeds, where that is known; of an undecided crossing
        the one that the median alone would give.
    before : float or None
        The weight of the sweep below it: it sets in between the two.
    low, high : float or None
        The smallest and the largest of the seeds' own weights; None where a seed has none.
    seeds : int
        Seeds behind it: those that decide something from the weight on.
    value, value_before : float or None
        The median over these seeds at `weight` and at `before`.
    decided : tuple of float
        Weights that decide something.
    why : str
        Why it is undecided, or not asked; of a known one what is not known of larger weights; else empty.
    """

    state: State
    weight: float | None = None
    before: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int = 0
    why: str = ""
    value: float | None = None
    value_before: float | None = None
    decided: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is a weight to name."""
        return self.state in ("at", "from the smallest")

    def as_json(self) -> JsonDict:
        """Give it for ``--json``."""
        return cast(JsonDict, asdict(self))


def decoding(normal: BySeed, noise: BySeed, active: BySeed) -> Crossing:
    """Find the smallest weight at which codes from N(0, I) decode.

    They do where, for the median over seeds, a share of at least `HALF` of their images is as near to a training image
    as 95 % of the model's own held-out reconstructions are: what the decoder blurs counts against no code. A run whose
    reconstructions are no yardstick decides nothing: where noise passes for them (`MOST_NOISE`), or where no unit is
    active, so that the decoder has one answer to all codes. A weight decides nothing where half of its seeds or more do
    not.

    Parameters
    ----------
    normal, noise : mapping of float to mapping of str to float
        Shares in 0 … 1 of images of codes from N(0, I) and of noise that are as near as that, by weight and seed; a
        weight without a seed was not scored.
    active : mapping of float to mapping of str to float
        Active units; what was not measured is not held against a run.

    Returns
    -------
    Crossing
        Undecided where it is reached only at weights, or at the weight after weights, that decide nothing, by some
        seeds only, at weights more than one step of the sweep apart, or lost again at a larger weight.
    """
    if not any(normal.values()):
        return Crossing("not measured")
    left: dict[float, dict[str, float]] = {}
    silent: dict[float, str] = {}
    for weight, shares in sorted(normal.items()):
        unfit = {seed: _unfit(noise.get(weight, {}).get(seed), active.get(weight, {}).get(seed)) for seed in shares}
        reasons = [reason for reason in unfit.values() if reason]
        if 2 * len(reasons) >= len(shares):
            silent[weight] = reasons[0] if reasons else "N(0, I) was not scored"
            left[weight] = {}
        else:
            left[weight] = {seed: share for seed, share in shares.items() if not unfit[seed]}
    found = crossing(left, _decodes)
    below = [weight for weight in silent if found.weight is not None and (found.before or 0.0) <= weight < found.weight]
    if found.known and below:
        return replace(found, state="undecided", why=f"at {below[-1]:g}, below it, {silent[below[-1]]}")
    if found.known:
        return replace(found, why=_unknown(found, silent, _seeds(normal)))
    reached = [weight for weight in silent if normal[weight] and _decodes(median(normal[weight].values()))]
    if found.state == "undecided" or not silent:
        return found
    if reached:
        why = f"it is reached only where {silent[reached[0]]} ({reached[0]:g})"
    elif any(left.values()):
        first = next(iter(silent))
        return replace(found, why=f"at {first:g} {silent[first]}")
    else:
        why = f"it cannot be told where {next(iter(silent.values()))} ({next(iter(silent)):g})"
    return Crossing("undecided", seeds=_seeds(normal), why=why)


def _unknown(found: Crossing, silent: Mapping[float, str], seeds: int) -> str:
    """Say what is not known beside a crossing that is known: of larger weights, and of seeds that decide nothing."""
    above = next((weight for weight in silent if found.weight is not None and weight > found.weight), None)
    of_weights = "" if above is None else f"at {above:g} {silent[above]}"
    mute = seeds - found.seeds
    of_seeds = f"{mute} of {seeds} seeds decide{'s' if mute == 1 else ''} nothing there" if mute else ""
    return "; ".join(filter(None, (of_weights, of_seeds)))


def _decodes(share: float) -> bool:
    return share >= HALF


def _unfit(noise: float | None, active: float | None) -> str:
    """Say why the reconstructions of a run are no yardstick of random codes; empty where they are."""
    if active is not None and active < 1:
        return "no unit is active"
    if noise is not None and noise > MOST_NOISE:
        return f"{100 * noise:.3g} % of images of noise are as near to training images as reconstructions are"
    return ""


def collapse(active: BySeed, dimensions: int) -> Crossing:
    """Find the smallest weight at which units have collapsed: active units ≤ `COLLAPSED` · d for the median over seeds.

    Parameters
    ----------
    active : mapping of float to mapping of str to float
        Active units by weight and seed.
    dimensions : int
        Latent dimensions d.
    """
    return crossing(active, lambda units: units <= COLLAPSED * dimensions)


def crossing(values: BySeed, holds: Callable[[float], bool]) -> Crossing:
    """Find the smallest weight at which a condition holds for the median over seeds.

    Parameters
    ----------
    values : mapping of float to mapping of str to float
        A figure by weight and seed; weights without a seed are passed over.
    holds : callable
        Whether a value meets the condition.

    Returns
    -------
    Crossing
        Undecided where seeds disagree (some never meet the condition and others do, or their weights lie more than one
        step of the sweep apart), or where the median meets the condition and fails it again at a larger weight.
    """
    order = sorted(values)
    weights = [weight for weight in order if values[weight]]
    if not weights:
        return Crossing("not measured")
    middles = {weight: median(values[weight].values()) for weight in weights}
    met = [weight for weight in weights if holds(middles[weight])]
    first = met[0] if met else None
    # A seed without a value from the crossing on has no say.
    asked = {seed for weight in weights if first is None or weight >= first for seed in values[weight]}
    own = {seed: place for seed in asked if (place := _own(values, order, seed, holds)) is not None}
    count, decided = len(asked), tuple(weights)
    if first is None:
        why = _some(len(own), count) if own else ""
        return Crossing("undecided" if own else "not reached", seeds=count, why=why, decided=decided)
    before = next((weight for weight in reversed(weights) if weight < first), None)
    whole = len(own) == count
    low, high = (order[min(own.values())], order[max(own.values())]) if whole else (None, None)
    lost = next((weight for weight in weights if weight > first and weight not in met), None)
    why = ""
    if not whole:
        why = _some(len(own), count)
    elif max(own.values()) - min(own.values()) > 1:
        why = f"the seeds reach it at weights from {low:g} to {high:g}, more than one step of the sweep apart"
    elif lost is not None:
        why = f"it is reached at {first:g} and lost again at {lost:g}"
    state: State = "undecided" if why else "from the smallest" if before is None else "at"
    value_before = None if before is None else middles[before]
    return Crossing(state, first, before, low, high, count, why, middles[first], value_before, decided)


def _own(values: BySeed, order: Sequence[float], seed: str, holds: Callable[[float], bool]) -> int | None:
    """Place in the sweep of the first weight at which a seed meets the condition; None where it never does."""
    return next((place for place, at in enumerate(order) if seed in values[at] and holds(values[at][seed])), None)


def _seeds(values: BySeed) -> int:
    return len({seed for found in values.values() for seed in found})


def _some(reached: int, count: int) -> str:
    return f"the seeds disagree: {reached} of {count} reach it"
