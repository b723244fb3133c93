"""Work on blocks side by side, by as many threads as matrix products would use."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

BLOCK = 1000
"""Rows of a block: the products of two blocks stay in the cache of a core."""

_ONE_AT_A_TIME = threading.Lock()

Each = Callable[[Callable[[slice], Any], Iterable[slice]], Iterator[Any]]


def blocks(m: int) -> list[slice]:
    """Cut m rows into blocks.

    Parameters
    ----------
    m : int
        Number of rows.

    Returns
    -------
    list of slice
        Each of 1,000 rows, the last of what is left.
    """
    return [slice(start, min(start + BLOCK, m)) for start in range(0, m, BLOCK)]


@contextmanager
def threads() -> Iterator[Each]:
    """Work on blocks side by side: as many threads as matrix products would use, each with products of one thread.

    One such work at a time: the number of threads of the products is a setting of the whole process.

    Yields
    ------
    callable
        Takes a function of a block, and blocks; gives the results in order, as `map` does.
    """
    workers = product_threads()
    if workers == 1:
        yield map
        return
    with _ONE_AT_A_TIME, _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        yield pool.map


def product_threads() -> int:
    """Count the threads that matrix products use: what OMP_NUM_THREADS and the like say holds here too.

    Returns
    -------
    int
        At least 1.
    """
    return max((library["num_threads"] for library in _libraries().select(user_api="blas").info()), default=1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
