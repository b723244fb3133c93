"""Schedules of the KL weight over a training. One list, one contract."""

from abc import ABC, abstractmethod
from typing import Annotated

import annotated_types as at
from pydantic import Field

from zscope.models.parts import Part, Share


class Schedule(Part, ABC):
    """The share of its final value that the KL weight has at a point of the training."""

    @abstractmethod
    def share(self, epoch: float, epochs: int) -> float:
        """Share within [0, 1], dimensionless.

        Parameters
        ----------
        epoch : float
            Epochs that are over, the begun one as the share of its steps.
        epochs : int
            Epochs of the whole training.
        """


class Constant(Schedule):
    """The final weight from the first step on."""

    name = "constant"
    formula = "1"

    def share(self, epoch: float, epochs: int) -> float:  # noqa: ARG002
        """Return 1."""
        return 1.0


class Linear(Schedule):
    """Warm-up: the weight rises linearly from 0 over the first epochs (Sønderby et al. 2016).

    "Ladder Variational Autoencoders", section 2.3; Bowman et al. 2016 call it KL annealing.

    Attributes
    ----------
    epochs : float
        Length of the rise in epochs.
    """

    name = "linear"
    formula = "min(1, epoch / rise)"

    epochs: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0

    def share(self, epoch: float, epochs: int) -> float:  # noqa: ARG002
        """Rise to 1 over the option's epochs."""
        return min(1.0, epoch / self.epochs)


class Cyclical(Schedule):
    """Warm-up again and again: in each cycle a linear rise from 0, then the full weight (Fu et al. 2019).

    "Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing", equations 6 and 7.

    Attributes
    ----------
    cycles : int
        Cycles in the whole training.
    ratio : float
        Share of a cycle over which the weight rises.
    """

    name = "cyclical"
    formula = "min(1, τ / ratio), τ the share of the present cycle that is over"

    cycles: Annotated[int, at.Ge(1)] = 4
    ratio: Share = 0.5

    def share(self, epoch: float, epochs: int) -> float:
        """Rise to 1 in each cycle; after the last one it stays there."""
        if epoch >= epochs:
            return 1.0
        return min(1.0, epoch * self.cycles / epochs % 1 / self.ratio)


SCHEDULES: dict[str, Schedule] = {item.name: item for item in (Constant(), Linear(), Cyclical())}
"""Every schedule by name, with its default options."""
