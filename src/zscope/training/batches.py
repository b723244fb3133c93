"""Batches of images from a store, in an order that a seed and an epoch decide."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from zscope.models.autoencoder import as_tensor
from zscope.runs.store import ImageStore


class Batches:
    """Shuffled batches of some rows of a store.

    Parameters
    ----------
    store : ImageStore
        Where the images are.
    rows : ndarray of int
        Rows of the store to pass over.
    batch : int
        Images a batch; the last one takes what is left.
    seed : int
        Seed of the orders; each epoch has its own.
    """

    def __init__(self, store: ImageStore, rows: np.ndarray, batch: int, seed: int) -> None:
        self.store = store
        self.rows = rows
        self.batch = batch
        self.seed = seed

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def epoch(self, epoch: int, device: torch.device, *, start: int = 0) -> Iterator[Tensor]:
        """Batches of one epoch from batch `start` on, float32 (N, C, H, W) in [0, 1] on `device`."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        for position in range(start, len(self)):
            # Ascending rows read the memory map forwards; the order within a batch changes no mean.
            rows = np.sort(order[position * self.batch : (position + 1) * self.batch])
            yield as_tensor(self.store.images[rows], device)

    def in_order(self, device: torch.device) -> Iterator[Tensor]:
        """All batches in the order of the store."""
        for start in range(0, len(self.rows), self.batch):
            yield as_tensor(self.store.images[self.rows[start : start + self.batch]], device)
