"""Out of memory: which batch would fit."""

from collections.abc import Callable, Iterator

import torch

from zscope.errors import TrainingError

_CPU_WORDS = ("not enough memory", "can't allocate memory", "out of memory")
_UNCLEAR_WORDS = ("could not create a primitive", "could not create a memory object")
"""All that oneDNN says where memory is short, and where it cannot do what is asked."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is exhausted, or may be: that of a GPU, of MPS, or the machine's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _CPU_WORDS + _UNCLEAR_WORDS)


def smaller_batches(batch: int) -> Iterator[int]:
    """Give divisors of a batch, each at most half of the one before, down to 1.

    Examples
    --------
    >>> list(smaller_batches(96))
    [48, 24, 12, 6, 3, 1]
    """
    left = batch
    while left > 1:
        left = next(number for number in range(left // 2, 0, -1) if batch % number == 0)
        yield left


def fitting_batch(batch: int, attempt: Callable[[int], None]) -> int | None:
    """Find the largest of `smaller_batches` that fits.

    Parameters
    ----------
    batch : int
        The batch that did not fit.
    attempt : callable
        Computes the loss and gradient of so many images; it raises where they do not fit.

    Returns
    -------
    int or None
        None where not even one image fits.
    """
    return next((size for size in smaller_batches(batch) if _fits(size, attempt)), None)


def _fits(size: int, attempt: Callable[[int], None]) -> bool:
    try:
        attempt(size)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return False
    return True


def too_large(
    error: BaseException, batch: int, accumulate: int, attempt: Callable[[int], None], *, same: bool
) -> TrainingError:
    """Say that memory is exhausted, and which batch would fit (see `fitting_batch`).

    Parameters
    ----------
    error : BaseException
        What a step said (see `out_of_memory`).
    batch, accumulate : int
        The recipe's.
    attempt : callable
        See `fitting_batch`.
    same : bool
        Whether a step that is cut into batches is the same step (see `zscope.training.checks.sees_the_batch`).
    """
    fits = fitting_batch(batch, attempt)
    if fits is None and any(words in str(error) for words in _UNCLEAR_WORDS):
        return TrainingError(f"a step fails with --batch {batch}, and with one image too: {error}")
    if fits is None:
        return TrainingError(f"out of memory with --batch {batch}, and even one image does not fit")
    gives = "gives the same steps" if same else "takes as many images a step"
    return TrainingError(
        f"out of memory with --batch {batch}; batch {fits} would fit: "
        f"--batch {fits} --accumulate {accumulate * batch // fits} {gives}"
    )
