"""Where along a sweep something sets in: the weight for the median over seeds, and the interval over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Literal, cast

from zscope.typing import JsonDict

HALF = 0.5
"""Random codes decode where their meaningful share is at least this part of the best that the model reaches."""

LEAST_RECONSTRUCTIONS = 0.5
"""Where fewer reconstructions than this are meaningful, the decoder is the limit, and nothing is decided of codes."""

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
        Seeds behind it.
    why : str
        Why it is undecided, or not asked; else empty.
    """

    state: State
    weight: float | None = None
    before: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int = 0
    why: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a weight to name."""
        return self.state in ("at", "from the smallest")

    def as_json(self) -> JsonDict:
        """Give it for ``--json``."""
        return cast(JsonDict, asdict(self))


def decoding(normal: BySeed, best: BySeed, reconstructions: BySeed) -> Crossing:
    """Find the smallest weight at which codes from N(0, I) decode.

    They do where, for the median over seeds, meaningful share of N(0, I) ≥ `HALF` · best, with best the largest share
    that any scored sampler or the reconstructions of the same run reach. Weights at which the median share of
    reconstructions is under `LEAST_RECONSTRUCTIONS` decide nothing.

    Parameters
    ----------
    normal, best, reconstructions : mapping of float to mapping of str to float
        Meaningful shares in 0 … 1 by weight and seed.

    Returns
    -------
    Crossing
        Undecided where it is reached only with poor reconstructions or at the weight after poor ones, by some seeds
        only, at weights more than one step of the sweep apart, or lost again at a larger weight.
    """
    ratios = {
        weight: {seed: share / (best[weight][seed] or 1.0) for seed, share in shares.items() if seed in best[weight]}
        for weight, shares in normal.items()
    }
    good = [
        weight
        for weight in sorted(ratios)
        if ratios[weight] and median(reconstructions[weight].values()) >= LEAST_RECONSTRUCTIONS
    ]
    found = crossing({weight: ratios[weight] for weight in good}, lambda ratio: ratio >= HALF)
    poor = [weight for weight in sorted(ratios) if weight not in good and ratios[weight]]
    between = [weight for weight in poor if found.weight is not None and (found.before or 0.0) <= weight < found.weight]
    if found.known and between:
        share = 100 * median(reconstructions[between[-1]].values())
        few = f"few reconstructions are meaningful themselves ({share:.3g} %)"
        return replace(found, state="undecided", why=f"at {between[-1]:g}, below it, {few}")
    if not poor or found.state not in ("not reached", "not measured"):
        return found
    reached = [weight for weight in poor if median(ratios[weight].values()) >= HALF]
    if not reached and good:
        return found
    shown = reached or poor
    share = 100 * median(reconstructions[shown[0]].values())
    only = "is reached only where" if reached else "cannot be told: at every weight"
    few = f"few reconstructions are meaningful themselves ({share:.3g} % at {shown[0]:g})"
    return Crossing("undecided", seeds=_seeds(ratios), why=f"it {only} {few}")


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
    weights = [weight for weight in sorted(values) if values[weight]]
    if not weights:
        return Crossing("not measured")
    count = _seeds(values)
    own = _own(values, weights, holds)
    reached = [place for place in own.values() if place is not None]
    met = [holds(median(values[weight].values())) for weight in weights]
    if not any(met):
        if not reached:
            return Crossing("not reached", seeds=count)
        return Crossing("undecided", seeds=count, why=_some(reached, count))
    first = met.index(True)
    weight, before = weights[first], weights[first - 1] if first else None
    whole = len(reached) == count
    low, high = (weights[min(reached)], weights[max(reached)]) if whole else (None, None)
    lost = next((weights[place] for place in range(first, len(weights)) if not met[place]), None)
    why = ""
    if not whole:
        why = _some(reached, count)
    elif max(reached) - min(reached) > 1:
        why = f"the seeds reach it at weights from {low:g} to {high:g}, more than one step of the sweep apart"
    elif lost is not None:
        why = f"it is reached at {weight:g} and lost again at {lost:g}"
    state: State = "undecided" if why else "from the smallest" if first == 0 else "at"
    return Crossing(state, weight, before, low, high, count, why)


def _own(values: BySeed, weights: Sequence[float], holds: Callable[[float], bool]) -> dict[str, int | None]:
    """Place of the first weight at which each seed meets the condition; None where it never does."""
    own: dict[str, int | None] = {}
    for place, weight in enumerate(weights):
        for seed, value in values[weight].items():
            if own.setdefault(seed, None) is None and holds(value):
                own[seed] = place
    return own


def _seeds(values: BySeed) -> int:
    return len({seed for found in values.values() for seed in found})


def _some(reached: Sequence[int], count: int) -> str:
    return f"the seeds disagree: {len(reached)} of {count} reach it"
