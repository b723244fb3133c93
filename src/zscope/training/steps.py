"""One step of training: the losses and gradient of its images, whole or in parts, and the optimiser's update."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from zscope.models import Autoencoder, Losses, Posterior
from zscope.training.batches import Batches, Part, Rows
from zscope.training.guard import Figures
from zscope.training.memory import out_of_memory
from zscope.training.noise import WholeStepNoise, repeated

Forward = Callable[[Tensor], Losses]

EVALUATION_SEED = 0
"""Held-out losses are taken with the same latent noise after every epoch, so that epochs can be compared."""


class Stepper:
    """Takes steps and measures losses, on this process's part of the images and for all processes.

    Losses and gradients are those of the whole step whatever its parts: each part weighs as many images as it has, and
    its noise is its part of the step's noise (see `zscope.training.noise`). That holds for losses that are means over
    images; batch normalisation and penalties on the codes of a batch see one part at a time.

    Parameters
    ----------
    engine : Accelerator
        Devices and precision.
    model : Autoencoder
        The model.
    optimiser : torch.optim.Optimizer
        Its optimiser.
    device : torch.device
        Where to compute.
    watched : bool
        Whether norm of the gradient and radius of the codes can be measured too.
    """

    def __init__(
        self,
        engine: Accelerator,
        model: Autoencoder,
        optimiser: torch.optim.Optimizer,
        device: torch.device,
        *,
        watched: bool,
    ) -> None:
        self.engine = engine
        self.device = device
        self._looking = False
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._radius: Tensor | None = None
        self._hook = model.head.register_forward_hook(self._note_radius) if watched else None
        self.forward: Forward
        self.forward, self.optimiser = engine.prepare(model, optimiser)

    def close(self) -> None:
        """Leave the model as it was before."""
        if self._hook is not None:
            self._hook.remove()

    def _note_radius(self, module: Any, given: Any, posterior: Posterior) -> None:  # noqa: ARG002 - a hook's signature
        if self._looking and self._radius is None:  # a learned prior encodes its own images after those of the batch
            self._radius = torch.linalg.vector_norm(posterior.mean.detach(), dim=1).mean()

    def take(self, batches: Batches, rows: Rows, clip: float | None, *, look: bool = False) -> Figures:
        """Take one step.

        Parameters
        ----------
        batches : Batches
            Reads the images.
        rows : ndarray of int
            The step's images, of all processes.
        clip : float or None
            Largest norm of the gradient.
        look : bool
            Whether norm of the gradient and radius of the codes are measured.

        Returns
        -------
        Figures
            Means over all images of the step, as they were before the update.
        """
        self._looking = look
        sums: list[float] = []
        names: list[str] = []
        parts = -(-len(rows) // batches.batch)
        for number, part in enumerate(batches.parts(rows, self.device), start=1):
            waiting: AbstractContextManager[Any] = nullcontext()
            if number < parts:
                waiting = self.engine.no_sync(self.forward)
            with waiting:
                losses = self._losses(part, again=number < parts)
                share = batches.processes.count * part.counted / part.whole
                self.engine.backward(losses.total if share == 1 else losses.total * share)
            names = list(losses.terms)
            sums = _added(sums, self._listed(losses), part.counted / part.whole)
        gradient = self._gradient(clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return self._figures(batches.processes.summed(sums, self.device), names, gradient)

    def evaluate(self, batches: Batches, fitting: int, log: Callable[[str], None]) -> Figures:
        """Measure the losses of all images, with the noise of `EVALUATION_SEED`.

        Parameters
        ----------
        batches : Batches
            Reads the images. Where so many do not fit into memory, they are read `fitting` at a time from then on, each
            with the noise that it had.
        fitting : int
            Images that fit, since a step takes as many.
        log : callable
            Told that they do not fit.
        """
        try:
            return self._evaluated(batches)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or batches.batch <= fitting:
                raise
        log(f"memory does not hold {batches.batch} held-out images at a time: they are measured {fitting} at a time")
        batches.batch = fitting
        return self._evaluated(batches)

    def _evaluated(self, batches: Batches) -> Figures:
        with repeated(self.device):
            torch.manual_seed(EVALUATION_SEED)
            return self.measure(batches)

    @torch.no_grad()
    def measure(self, batches: Batches) -> Figures:
        """Measure the losses of all images in the order of the store, taking no step."""
        self._looking = False
        sums: list[float] = []
        names: list[str] = []
        for start in range(0, len(batches.rows), batches.images_a_step):
            rows = batches.rows[start : start + batches.images_a_step]
            parts = -(-len(rows) // batches.batch)
            for number, part in enumerate(batches.parts(rows, self.device), start=1):
                losses = self._losses(part, again=number < parts)
                names = list(losses.terms)
                sums = _added(sums, self._listed(losses), float(part.counted))
        sums = batches.processes.summed(sums, self.device)
        return self._figures([value / len(batches.rows) for value in sums], names, None)

    def _losses(self, part: Part, *, again: bool) -> Losses:
        self._radius = None
        count = len(part.images)
        if count == part.whole:
            return self.forward(part.images)
        with repeated(self.device, again=again), WholeStepNoise(part.start, count, part.whole):
            return self.forward(part.images)

    def _listed(self, losses: Losses) -> list[float]:
        """Bring total, reconstruction, KL, radius and terms of a part to the processor."""
        radius = losses.kl if self._radius is None else self._radius  # what was not measured is not looked at
        values = [losses.total, losses.reconstruction, losses.kl, radius, *losses.terms.values()]
        if self.device.type == "cpu":
            return [value.item() for value in values]
        figures: list[float] = torch.stack([value.detach().float() for value in values]).tolist()  # one wait, not four
        return figures

    def _gradient(self, clip: float | None) -> Tensor | None:
        if not self._looking and clip is None:
            return None
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, clip, norm)
        return norm

    def _figures(self, values: list[float], names: list[str], gradient: Tensor | None) -> Figures:
        total, reconstruction, kl, radius, *rest = values
        terms = dict(zip(names, rest, strict=True))
        if not self._looking or gradient is None:
            return Figures(total, reconstruction, kl, terms)
        return Figures(total, reconstruction, kl, terms, gradient.item(), radius)

    def fits(self, batches: Batches, size: int) -> None:
        """Compute loss and gradient of so many images, beside the optimiser's moments; raises where memory is short."""
        # Adam keeps two moments of each weight, which it only makes in its first step.
        moments = [] if self.optimiser.state else [torch.empty_like(p) for p in self.parameters for _ in range(2)]
        try:
            rows = np.resize(batches.rows, size)
            (part,) = Batches(batches.store, rows, size, 0).parts(rows, self.device)
            with self.engine.no_sync(self.forward):
                self.engine.backward(self._losses(part, again=False).total)
        finally:
            moments.clear()
            self.optimiser.zero_grad(set_to_none=True)


def _added(sums: list[float], values: list[float], weight: float) -> list[float]:
    if not sums:
        return values if weight == 1 else [weight * value for value in values]
    return [before + weight * value for before, value in zip(sums, values, strict=True)]
