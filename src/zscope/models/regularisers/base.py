"""What every regulariser offers, and what it sees."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from zscope.models.parts import Part, Weight
from zscope.models.posterior import Posterior


class DrawsPrior(Protocol):
    """A prior, as far as regularisers need it."""

    def draw(self, n: int) -> Tensor:
        """Draw codes of the prior, shape (n, d)."""


@dataclass(frozen=True)
class Step:
    """What a regulariser sees of a training step; all tensors float32.

    Attributes
    ----------
    posterior : Posterior
        What the encoder says of the N images.
    codes : Tensor of shape (N, d)
        The draws from it that were decoded.
    kl : Tensor of shape (N,)
        KL of the posterior against the prior, nats; 0 for an AE.
    output : Tensor of shape (N, C, H, W)
        What the decoder made of the codes.
    decode : callable
        The decoder, codes (N, d) → output.
    prior : DrawsPrior
        The prior of the codes.
    data_size : int or None
        Images in the training set, where the trainer has told it.
    epoch, epochs : float, int
        Where the training stands; equal at its end and in evaluation.
    """

    posterior: Posterior
    codes: Tensor
    kl: Tensor
    output: Tensor
    decode: Callable[[Tensor], Tensor]
    prior: DrawsPrior
    data_size: int | None = None
    epoch: float = 1.0
    epochs: int = 1


class Regulariser(Part, ABC):
    """A penalty on codes, posterior or decoder, float32: a form of the KL, which stands in its place.

    It is weighted by the model's beta and its schedule.
    """

    form_of_kl: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("vae",)
    standard_prior: ClassVar[bool] = False  # whether its formula holds for the prior N(0, I) only

    @abstractmethod
    def penalty(self, step: Step) -> Tensor:
        """Return the penalty of each image, shape (N,), unweighted.

        Where the penalty is one of the whole batch, its mean over the images is the penalty.
        """

    def terms(self, step: Step, beta: float) -> dict[str, Tensor]:
        """Weighted scalar terms of the loss by name, nats per image.

        Parameters
        ----------
        step : Step
            The batch.
        beta : float
            The present weight of the KL.
        """
        return {self.name: beta * self.penalty(step).mean()}


class AddedRegulariser(Regulariser, ABC):
    """A penalty beside the KL, with a weight of its own that no schedule changes.

    Attributes
    ----------
    weight : float
        Factor that gives the penalty nats per image.
    """

    form_of_kl = False
    kinds = ("ae", "vae")

    weight: Weight = 1.0

    def terms(self, step: Step, beta: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Weigh the term with its own weight."""
        return {self.name: self.weight * self.penalty(step).mean()}
