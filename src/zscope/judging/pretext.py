"""Trains the judge's network: labels where there are any, which corruption spoilt an image, and content."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zscope.judging.corruptions import CORRUPTIONS, spoil
from zscope.judging.network import LearnedFeatures
from zscope.judging.tasks import Content, LabelTask
from zscope.models.tensors import as_tensor
from zscope.training.devices import threads_for
from zscope.typing import ImageArray, JsonDict, Progress, silent

_KINDS = 1 + len(CORRUPTIONS)
_CONTENT_WEIGHT = 0.5
_DECAY = 0.01
_WARM_UP = 0.15


@dataclass(frozen=True)
class Recipe:
    """How the judge's network is trained.

    Attributes
    ----------
    passes : int
        Times that every training image is seen, as far as the bounds allow.
    fewest, most : int
        Bounds on the images seen in all, repeated ones counted.
    batch : int
        Images a step, half of them spoilt.
    rate : float
        Largest learning rate of AdamW, after a warm-up and before it falls to nothing.
    seed : int
        Of weights, order and corruptions.
    """

    passes: int = 30
    fewest: int = 20_000
    most: int = 100_000
    batch: int = 128
    rate: float = 3e-3
    seed: int = 0

    def steps(self, n: int) -> int:
        """Count the steps for n training images."""
        views = min(max(self.passes * n, self.fewest), self.most)
        return max(1, views // self.batch)

    def as_json(self) -> JsonDict:
        """Return the attributes."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and what it has learnt.

    Attributes
    ----------
    network : LearnedFeatures
        Ready to give features.
    accuracy : dict
        Over the last tenth of the steps: share of images whose corruption, and whose labels, were named rightly, and
        the share of the content's variance that was explained.
    """

    network: LearnedFeatures
    accuracy: dict[str, float]


def outputs(tasks: Sequence[LabelTask], content: Content) -> int:
    """Count the numbers that the tasks want of the network."""
    return _KINDS + sum(task.classes for task in tasks) + int(content.directions.shape[1])


def train_network(
    images: ImageArray,
    rows: NDArray[np.int64],
    tasks: Sequence[LabelTask],
    content: Content,
    *,
    recipe: Recipe,
    device: torch.device,
    progress: Progress = silent,
) -> Trained:
    """Train the network on images, the first half of each batch as it is and the other half spoilt.

    The loss is the cross-entropy of the corruption, that of each label and half the mean square error of the content,
    the last two on images that are not spoilt.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, C), uint8
        Training images at the size at which they are judged.
    rows : ndarray of shape (n,)
        Their rows in the store, by which labels are found.
    tasks : sequence of LabelTask
        Labels to learn; none will do.
    content : Content
        Of the training images.
    recipe : Recipe
        How.
    device : torch.device
        Where; the corruptions are made on the CPU.
    progress : Progress
        Told of every tenth step.

    Returns
    -------
    Trained
        The same for the same seed, device and number of threads.
    """
    height, width, channels = images.shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = LearnedFeatures((int(height), int(width), int(channels)), outputs(tasks, content)).to(device).train()
    steps = recipe.steps(len(images))
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=max(steps, 3), pct_start=_WARM_UP, cycle_momentum=False
    )
    order, rng = np.random.default_rng(recipe.seed), torch.Generator().manual_seed(recipe.seed)
    right: list[Tensor] = []
    with threads_for(sum(weight.numel() for weight in network.parameters()) * recipe.batch):
        for step, chosen in enumerate(_batches(len(images), recipe.batch, steps, order)):
            loss, hits = _step(network, images[chosen], rows[chosen], tasks, content, rng, device)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            right.append(hits)
            if step % 10 == 0:
                progress("training the judge", step, steps, loss=float(loss.detach()))
    progress("training the judge", steps, steps)
    last = torch.stack(right[-max(1, steps // 10) :]).mean(dim=0).tolist()
    names = ["corruption", *(f"label {task.name}" for task in tasks), "content"]
    return Trained(network.eval(), dict(zip(names, last, strict=True)))


def _batches(n: int, batch: int, steps: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of each step: one shuffled pass after the other."""
    passes = -(-steps * batch // n)
    return list(np.split(np.concatenate([rng.permutation(n) for _ in range(passes)])[: steps * batch], steps))


def _step(
    network: LearnedFeatures,
    images: ImageArray,
    rows: NDArray[np.int64],
    tasks: Sequence[LabelTask],
    content: Content,
    rng: torch.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Loss of a batch, and what of it was right."""
    half = len(images) // 2
    whole = as_tensor(images, "cpu")
    spoilt, kinds = spoil(whole[half:], rng)
    wanted = torch.cat([torch.zeros(half, dtype=torch.int64), kinds]).to(device)
    answers = network.answers(torch.cat([whole[:half], spoilt]).to(device))
    loss = functional.cross_entropy(answers[:, :_KINDS], wanted)
    right = [(answers[:, :_KINDS].argmax(dim=1) == wanted).float().mean()]
    start = _KINDS
    for task in tasks:
        target = torch.from_numpy(task.targets[rows[:half]]).to(device)
        given = answers[:half, start : start + task.classes]
        known = int((target >= 0).sum())
        # The mean over no image at all would be no number.
        if known:
            loss = loss + functional.cross_entropy(given, target, ignore_index=-1)
        right.append((given.argmax(dim=1) == target).float().sum() / max(known, 1))
        start += task.classes
    shown = torch.from_numpy(content.targets(images[:half])).to(device)
    error = functional.mse_loss(answers[:half, start:], shown)
    right.append(1 - error.detach())
    return loss + _CONTENT_WEIGHT * error, torch.stack([share.cpu() for share in right])
