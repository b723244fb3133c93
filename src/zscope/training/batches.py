"""Batches of images from a store, in an order that a seed and an epoch decide."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zscope.models.tensors import as_tensor
from zscope.runs.store import ImageStore
from zscope.training.processes import ALONE, Processes

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Some images of a step, computed at once on one process.

    Attributes
    ----------
    images : Tensor of shape (n, C, H, W)
        Float32 in [0, 1]; at least one image.
    start, whole : int
        Place of the first image among the images of the step, and how many those are.
    counted : int
        How many of the images count: n, or 0 where there are more processes than images and this one only keeps pace.
    """

    images: Tensor
    start: int
    whole: int
    counted: int


class Batches:
    """Shuffled batches of some rows of a store.

    Parameters
    ----------
    store : ImageStore
        Where the images are.
    rows : ndarray of int
        Rows of the store to pass over.
    batch : int
        Images at a time, on all processes together.
    seed : int
        Seed of the orders; each epoch has its own.
    accumulate : int
        Batches a step; the last step of an epoch takes what is left.
    processes : Processes
        Who shares the work.
    """

    def __init__(
        self,
        store: ImageStore,
        rows: Rows,
        batch: int,
        seed: int,
        *,
        accumulate: int = 1,
        processes: Processes = ALONE,
    ) -> None:
        self.store = store
        self.rows = rows
        self.batch = batch
        self.seed = seed
        self.processes = processes
        self.images_a_step = batch * accumulate

    def __len__(self) -> int:
        return -(-len(self.rows) // self.images_a_step)

    def steps(self, epoch: int, *, start: int = 0) -> Iterator[Rows]:
        """Rows of the steps of one epoch from step `start` on.

        They do not depend on how a step is cut into batches or shared among processes.
        """
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        for position in range(start, len(self)):
            # Ascending rows read the memory map forwards; the order within a step changes no mean.
            yield np.sort(order[position * self.images_a_step : (position + 1) * self.images_a_step])

    def parts(self, rows: Rows, device: torch.device) -> Iterator[Part]:
        """Read the parts of a step that fall to this process, one for each of its batches."""
        for start in range(0, len(rows), self.batch):
            stop = min(start + self.batch, len(rows))
            first, last = self.processes.share(start, stop)
            counted = last - first
            if not counted:
                first, last = start, start + 1
            yield Part(as_tensor(self.store.images[rows[first:last]], device), first, len(rows), counted)

    def epoch(self, epoch: int, device: torch.device, *, start: int = 0) -> Iterator[Tensor]:
        """Images of the steps of one epoch from step `start` on, float32 (N, C, H, W) in [0, 1] on `device`."""
        for rows in self.steps(epoch, start=start):
            yield as_tensor(self.store.images[rows], device)

    def in_order(self, device: torch.device) -> Iterator[Tensor]:
        """All batches in the order of the store."""
        for start in range(0, len(self.rows), self.batch):
            yield as_tensor(self.store.images[self.rows[start : start + self.batch]], device)
