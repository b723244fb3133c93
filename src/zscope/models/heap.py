"""Memory that a processor keeps from one batch to the next."""

import ctypes
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of mallopt, as glibc's malloc.h numbers them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MMAPS = 65536  # glibc's default

_lock = threading.Lock()
_keeping = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Keep freed memory with the process for the length of a block, and give it back afterwards.

    By default glibc gives the memory of a large tensor back to the system as soon as it is free, and the next batch
    gets the same memory again page by page, each set to zero: a tenth to a fifth of a training step. Blocks may be
    nested. In threads other than the main one tensors above 64 MB are not kept. Nothing changes where the C library is
    not glibc, or where the process' address space is limited.
    """
    library = _glibc()
    if library is None:
        yield
        return
    _count(library, +1)
    try:
        yield
    finally:
        _count(library, -1)


def _glibc() -> ctypes.CDLL | None:
    """Give the C library, where it is glibc and the process may take what memory it likes.

    Under a limit of addresses memory that is kept is memory that oneDNN does not get, which it does not always survive.
    """
    if platform.libc_ver()[0] != "glibc":
        return None
    import resource  # which Windows has not

    return ctypes.CDLL(None) if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY else None


def _count(library: ctypes.CDLL, change: int) -> None:
    global _keeping  # the heap is the process', and so is what is known of it
    with _lock:
        before, _keeping = _keeping, _keeping + change
        if not before:
            library.mallopt(_MMAP_MAX, 0)
            library.mallopt(_TRIM_THRESHOLD, -1)
        elif not _keeping:
            # The thresholds to which glibc's own rise in a process that has freed large blocks.
            library.mallopt(_MMAP_MAX, _MMAPS)
            library.mallopt(_MMAP_THRESHOLD, 32 << 20)
            library.mallopt(_TRIM_THRESHOLD, 64 << 20)
            library.malloc_trim(0)
