"""The guard: tells when a run diverges, so that it can go back to its last good checkpoint.

The rule. Each step has four signals x: the loss, the norm of its gradient, the KL and the mean radius of the batch's
codes. Their running scale is the median m and s = 1.4826 · MAD of the last `WINDOW` steps that were in line, of x for
the loss (which may be negative), of log x for the gradient, and of log(1 + x) for KL and radius, which mean little
below 1 nat or 1 latent unit. A step is out of line

- where the loss lies above m + max(`SPREADS` · s, 0.3 |m|), or above the first step's loss by its absolute value: twice
  that of the untrained model;
- where another signal lies above m + max(`SPREADS` · s, margin), a factor of 10 for the gradient, of 2 for 1 + KL and
  1 + radius, *while the loss is above its median* or 1 + KL or 1 + radius more than three times its median of the last
  `RECENT` steps in line: a KL that rises step by step while the loss falls is a latent space waking up, no jump.

Gradient and radius cost time and are measured in every `EVERY`-th step; between those their last value stands for them.
`IN_A_ROW` values of one signal out of line in a row are a divergence; a figure that is not finite is one at once.
Nothing but the comparison with the first step is judged before `LEAST` steps were in line. A window over a trend has a
large s, so what rises or falls steadily (early training, a KL that is warmed up) stays in line: the end of a straight
line lies 1.35 s from its median. The loss is without the term ``capacity``, whose target moves (see `settled`).
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from zscope.typing import JsonDict

SIGNALS = ("loss", "gradient norm", "KL", "code radius")

WINDOW, LEAST, REFRESH = 200, 50, 10
"""Steps that the running scale looks back, the fewest that it needs, and how often it is computed anew."""

SPREADS, IN_A_ROW = 8.0, 3
"""How many robust standard deviations are too far, and how many such values in a row are a divergence."""

EVERY = 4
"""Steps from one measurement of gradient and radius to the next."""

RECENT, JUMP = 12, math.log(3)
"""Steps that a jump of KL or radius is measured against, and how high one is."""

LOSS_MARGIN = 0.3
MARGINS = (math.log(10), math.log(2), math.log(2))
"""Least distance from the median that is too far: a share of the loss, and logarithms of factors for the others."""

STATE = ("weights", "optimiser's moments", "averaged weights")
"""What a step leaves behind; a number in it that is not finite is a divergence at once."""

RESCUES = 5
"""How often a run is rescued before it is given up."""


@dataclass(frozen=True)
class Figures:
    """What a step measured: means over its images, in nats per image and latent units.

    Attributes
    ----------
    total, reconstruction, kl : float
        The losses.
    terms : dict of str to float
        Further terms of the total.
    gradient : float or None
        Euclidean norm of the gradient over all parameters, before it is clipped; None where it was not measured.
    radius : float or None
        Mean norm of the codes' posterior means; None where it was not measured.
    """

    total: float
    reconstruction: float
    kl: float
    terms: dict[str, float]
    gradient: float | None = None
    radius: float | None = None


def settled(figures: Figures) -> Figures:
    """Take the term ``capacity`` off the total: its target moves, so that a healthy run's total may rise by it."""
    return replace(figures, total=figures.total - figures.terms.get("capacity", 0.0))


class Diverged(Exception):  # noqa: N818 - no error yet: the run may be rescued
    """A run diverges.

    Parameters
    ----------
    signal : str
        One of `SIGNALS` or `STATE`, or ``held-out loss``.
    value, bound : float
        What it was, and what it had to stay below.
    where : str
        When, in words.

    Attributes
    ----------
    steps : int
        How many steps before it was seen it may have begun, at least.
    """

    def __init__(self, signal: str, value: float, bound: float, where: str) -> None:
        self.signal = signal
        self.value = value
        self.bound = bound
        self.where = where
        self.steps = IN_A_ROW * (EVERY if signal in ("gradient norm", "code radius") else 1)
        if math.isfinite(value):
            often = f" {IN_A_ROW} times in a row," if signal in SIGNALS else ""
            shown = f"the {signal} is {value:.4g}, above {bound:.4g}{often}"
        elif signal in STATE:
            shown = f"the {signal} are no longer finite"
        else:
            shown = f"the {signal} is {value}"
        super().__init__(f"{shown} {where}")


@dataclass
class Memory:
    """What the guard remembers beside its window; kept in every checkpoint.

    Attributes
    ----------
    first : float or None
        Loss of the first step.
    taken : int
        Steps in line so far.
    row : list of int
        Steps out of line in a row, for each of `SIGNALS`.
    rescues, halvings : int
        How often the run went back, and how often that halved the step size.
    clip : float or None
        Bound of the gradient's norm that a rescue set.
    """

    first: float | None
    taken: int
    row: list[int]
    rescues: int
    halvings: int
    clip: float | None


class Guard:
    """Watches the steps of one run."""

    def __init__(self) -> None:
        self.memory = Memory(first=None, taken=0, row=[0] * len(SIGNALS), rescues=0, halvings=0, clip=None)
        self.window: deque[tuple[float, ...]] = deque(maxlen=WINDOW)
        self.levels = self.bounds = (math.inf,) * len(SIGNALS)

    @property
    def suspicious(self) -> bool:
        """Whether a signal's last value was out of line."""
        return any(self.memory.row)

    @property
    def loss_bound(self) -> float:
        """Loss above which a step is out of line, nats per image."""
        first = self.memory.first
        return self.bounds[0] if first is None else min(self.bounds[0], first + abs(first))

    def watch(self, figures: Figures, where: str) -> None:
        """Take note of a step; `Diverged` where it is one too many."""
        values = (figures.total, figures.gradient, figures.kl, figures.radius)
        for name, value in zip(SIGNALS, values, strict=True):
            if value is not None and not math.isfinite(value):
                raise Diverged(name, value, math.inf, where)
        if self.memory.first is None:
            self.memory.first = figures.total
        signals = scaled(values, self.window[-1] if self.window else (0.0,) * len(SIGNALS))
        bounds = (self.loss_bound, *self.bounds[1:])
        high = signals[0] > self.levels[0]
        row = self.memory.row
        for place, (value, signal, bound) in enumerate(zip(values, signals, bounds, strict=True)):
            if value is None:
                continue
            out = signal > bound and (place == 0 or high or self._jumped(place, signal))
            row[place] = row[place] + 1 if out else 0
            if row[place] == IN_A_ROW:
                raise Diverged(SIGNALS[place], value, unscaled(bound, place), where)
        if not self.suspicious:
            self._take(signals)

    def _jumped(self, place: int, signal: float) -> bool:
        """Whether KL or radius is far above what it was a few steps ago."""
        if SIGNALS[place] not in ("KL", "code radius"):
            return False
        return signal - float(np.median([step[place] for step in list(self.window)[-RECENT:]])) > JUMP

    def _take(self, signals: tuple[float, ...]) -> None:
        self.window.append(signals)
        self.memory.taken += 1
        if len(self.window) >= LEAST and self.memory.taken % REFRESH == 0:
            window = np.array(self.window)
            levels = np.median(window, axis=0)
            spreads = 1.4826 * np.median(np.abs(window - levels), axis=0)
            margins = np.array([LOSS_MARGIN * abs(levels[0]), *MARGINS])
            self.levels = tuple(levels.tolist())
            self.bounds = tuple((levels + np.maximum(SPREADS * spreads, margins)).tolist())

    def rescued(self, before: Memory, how: str) -> str:
        """Change what a rescue changes, and say it.

        With `how` ``halve`` the step size is halved. With ``clip`` the gradient is bounded at the median norm of the
        window, and at half the bound with every further rescue; before any step was in line there is no such norm, and
        the step size is halved.

        Parameters
        ----------
        before : Memory
            What it remembered before it went back: earlier rescues count on.
        how : {"halve", "clip"}
            What to change.
        """
        memory = self.memory
        memory.rescues, memory.halvings, memory.clip = before.rescues + 1, before.halvings, before.clip
        if how == "clip" and (memory.clip is not None or self.window):
            if memory.clip is None:
                memory.clip = 2 * math.exp(float(np.median([signals[1] for signals in self.window])))
            memory.clip /= 2
            return f"gradients no longer than {memory.clip:.3g}"
        memory.halvings += 1
        return f"1/{2**memory.halvings} of the step size"

    def state(self) -> tuple[dict[str, Tensor], JsonDict]:
        """Give all that it knows as tensors and JSON."""
        tensors = {"window": self.window, "levels": self.levels, "bounds": self.bounds}
        memory = cast(JsonDict, asdict(self.memory))
        return {name: torch.tensor(list(value), dtype=torch.float64) for name, value in tensors.items()}, memory

    def restore(self, tensors: dict[str, Tensor], memory: dict[str, Any] | None) -> None:
        """Take back what `state` gave; a checkpoint of an older zscope has none, and the guard begins anew."""
        fresh = Guard()
        self.memory = fresh.memory if memory is None else Memory(**memory)
        self.window = fresh.window
        if tensors:
            self.window.extend(tuple(row) for row in tensors["window"].tolist())
        self.levels = tuple(tensors["levels"].tolist()) if tensors else fresh.levels
        self.bounds = tuple(tensors["bounds"].tolist()) if tensors else fresh.bounds


def scaled(values: Sequence[float | None], before: Sequence[float]) -> tuple[float, ...]:
    """Bring the signals to the scales on which they are compared: x, log x, log(1 + x), log(1 + x).

    Parameters
    ----------
    values : sequence of float or None
        The four signals; None was not measured.
    before : sequence of float
        The scaled signals of the step before, which stand for those that were not measured.
    """
    loss, gradient, kl, radius = values
    return (
        before[0] if loss is None else loss,
        before[1] if gradient is None else math.log(max(gradient, 1e-30)),
        before[2] if kl is None else math.log1p(max(kl, 0.0)),
        before[3] if radius is None else math.log1p(radius),
    )


def unscaled(value: float, place: int) -> float:
    """Bring one of the signals back to its own unit."""
    return value if place == 0 else math.exp(value) if place == 1 else math.expm1(value)
