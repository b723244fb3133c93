"""Exact neighbours on a GPU. The only file of the measures that knows PyTorch, and only when it is called."""

import sys
from ctypes.util import find_library
from functools import cache

import numpy as np

from zscope.errors import ParameterError, ZscopeError
from zscope.measures.neighbour_search import Found, Search, cancelled
from zscope.typing import Progress

_CELLS = 250_000_000
"""Products that are held on the GPU at a time: 1 GB."""


class GpuMemoryError(ZscopeError):
    """The GPU's memory is too small, or taken."""


@cache
def gpu_there() -> bool:
    """Tell whether there is a GPU that PyTorch can use.

    Returns
    -------
    bool
        Without the driver's library there is none, and PyTorch is not loaded to find that out.
    """
    if "torch" not in sys.modules and not (find_library("cuda") or find_library("nvcuda")):
        return False
    import torch

    return torch.cuda.is_available()


def on_gpu(search: Search, progress: Progress, device: str = "cuda") -> Found:
    """Find neighbours on a GPU, by the same products in full single precision.

    Parameters
    ----------
    search : Search
        What is looked for.
    progress : Progress
        Told after each block of queries.
    device : str
        As PyTorch calls it.

    Returns
    -------
    Found
        As `by_blocks` gives it.

    Raises
    ------
    ParameterError
        If there is no such GPU.
    GpuMemoryError
        If its memory is too small.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ParameterError("engine", "be auto, blocks or tree where there is no CUDA GPU", "cuda")
    n, m, k = len(search.left), len(search.places), search.k
    found = Found(np.empty((m, k), np.int32), np.empty((m, k), np.float32), np.ones(m, bool))
    d = search.left.shape[1] - 2
    step, reduced = max(1, _CELLS // n), torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        right = torch.from_numpy(search.left).to(device)[:, [*range(d), d + 1, d]].T
        groups = None if search.groups is None else torch.from_numpy(search.groups).to(device)
        for start in range(0, m, step):
            block = slice(start, min(start + step, m))
            products = torch.from_numpy(search.places[block]).to(device) @ right
            if search.own is not None:
                own = torch.from_numpy(search.own[block]).to(device)
                products[torch.arange(len(own), device=device), own] = -torch.inf
            if groups is not None and search.place_groups is not None:
                theirs = torch.from_numpy(search.place_groups[block]).to(device)
                products.masked_fill_(theirs[:, None] == groups, -torch.inf)
            best = products.topk(k, dim=1)
            found.places[block], found.products[block] = best.indices.cpu().numpy(), best.values.cpu().numpy()
            found.again[block] = cancelled(search, block, found.products[block])
            progress("neighbours", block.stop, m)
    except torch.OutOfMemoryError as error:
        raise GpuMemoryError(f"the GPU's memory is too small or taken ({str(error).splitlines()[0]})") from None
    finally:
        torch.backends.cuda.matmul.allow_tf32 = reduced
    return found
