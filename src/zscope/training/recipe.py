"""The recipe's moving parts: optimiser, the step size over time, and the moving average of the weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zscope.training.config import TrainingConfig

PLATEAU = 5
"""Epochs without a lower total after which the schedule ``plateau`` halves the step size."""


def optimiser_for(model: nn.Module, config: TrainingConfig, device: torch.device) -> torch.optim.Optimizer:
    """Make the optimiser of a recipe."""
    # The fused update is one pass over the parameters instead of a dozen.
    fused = device.type in ("cpu", "cuda")
    parameters = model.parameters()
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=config.learning_rate, eps=config.adam_eps, fused=fused)
    return torch.optim.AdamW(
        parameters, lr=config.learning_rate, eps=config.adam_eps, weight_decay=config.weight_decay, fused=fused
    )


def step_factor(config: TrainingConfig, done: int, steps: int, halvings: int = 0) -> float:
    """Factor on the step size.

    With n steps done of N, of which the first w warm up, and t = (n − w) / (N − w), at least 0::

        constant  1
        cosine    (1 + cos πt) / 2                      (Loshchilov & Hutter 2017, without restarts)
        linear    1 − t
        plateau   1 / 2^halvings, a halving for every `PLATEAU` epochs without a lower total

    times (n + 1) / w while n < w.

    Parameters
    ----------
    config : TrainingConfig
        Names the schedule and w.
    done, steps : int
        Steps taken so far, and those of the whole run.
    halvings : int
        How often the schedule ``plateau`` has halved.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> [step_factor(TrainingConfig(rate_schedule="linear", rate_warmup=2), done, 6) for done in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    warmup = config.rate_warmup
    time = max(done - warmup, 0) / max(steps - warmup, 1)
    factor = {
        "constant": 1.0,
        "cosine": (1 + math.cos(math.pi * time)) / 2,
        "linear": 1 - time,
        "plateau": 0.5**halvings,
    }[config.rate_schedule]
    return factor * (done + 1) / warmup if done < warmup else factor


class MovingAverage:
    """Exponential moving average of a model's weights.

    After step t it is a ← m·a + (1 − m)·w with m = min(decay, (1 + t) / (10 + t)), so that short runs forget where they
    began; buffers that are floating-point numbers are averaged too.

    Parameters
    ----------
    model : nn.Module
        Its present weights are the first average.
    decay : float
        In (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: tensor.clone() for name, tensor in self._averaged(model).items()}

    @staticmethod
    def _averaged(model: nn.Module) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take the weights after a step into the average; `step` counts from 1."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, tensor in self._averaged(model).items():
            self.tensors[name].lerp_(tensor, share)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take an average that a checkpoint kept."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(tensor)

    @torch.no_grad()
    def put_into(self, model: nn.Module) -> None:
        """Give the model the averaged weights."""
        for name, tensor in self._averaged(model).items():
            tensor.copy_(self.tensors[name])

    @contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """Let the model have the averaged weights for the length of a block."""
        own = {name: tensor.clone() for name, tensor in self._averaged(model).items()}
        self.put_into(model)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, tensor in self._averaged(model).items():
                    tensor.copy_(own[name])
