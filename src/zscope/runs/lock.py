"""A lock that one process holds while it writes a folder, and that ends with the process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zscope.errors import TrainingError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, ``.NAME.lock`` beside it, so that the folder itself may be moved meanwhile.

    The operating system holds the lock, not the file: one that a killed process leaves behind locks nothing.

    Parameters
    ----------
    folder : Path
        The folder, which need not exist; the one above it must.

    Raises
    ------
    TrainingError
        Another process holds it.
    """
    real = folder.resolve()
    path = real.with_name(f".{real.name}.lock")
    file = _taken(path)
    if file is None:
        raise TrainingError(f"{folder} is being trained by another process; wait for it, or stop it (Ctrl-C)")
    try:
        yield
    finally:
        # While it is held, so that what is removed is no other process's; Windows removes it on closing.
        with suppress(FileNotFoundError, PermissionError):
            path.unlink()
        os.close(file)


if sys.platform == "win32":

    def _taken(path: Path) -> int | None:
        """Create a file that Windows removes when its process ends; None where it exists."""
        try:
            return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_TEMPORARY)
        except (FileExistsError, PermissionError):
            return None

else:
    import fcntl

    def _taken(path: Path) -> int | None:
        """Open and lock a file; None where another process holds it."""
        while True:
            file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The holder before may have removed the file between opening and locking it: then try the new one.
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(file), path.stat()):
                        return file
            except BlockingIOError:
                os.close(file)
                return None
            except BaseException:
                os.close(file)
                raise
            os.close(file)
