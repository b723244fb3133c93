"""The process that does runs of a study for another: ``python -m zscope.study.worker``.

It reads one task a line (JSON) from standard input, and writes what happens to standard output, one JSON object a
line: ``{"kind": "progress", "what": …, "done": …, "total": …, "figures": {…}}``, ``{"kind": "log", "line": …}``, and at
the end of each task ``{"kind": "done"}``, ``{"kind": "failed", "why": …}`` or ``{"kind": "stopped"}``. It ends with its
input.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TextIO

from threadpoolctl import threadpool_limits

from zscope.errors import ZscopeError
from zscope.runs.store import ImageStore
from zscope.study.one_run import RunTask, do_run
from zscope.study.train import Interrupted

EVERY = 0.1
"""Seconds between two lines about the progress of the same work."""

THREADS = "ZSCOPE_THREADS"
"""Environment variable with the threads that a worker may use."""

Tell = Callable[[dict[str, object]], None]


def serve(tasks: TextIO, tell: Tell) -> None:
    """Do tasks until there are none, and tell what happens.

    Parameters
    ----------
    tasks : text stream
        One JSON object a line (`zscope.study.one_run.RunTask`).
    tell : callable
        Takes the events.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for line in tasks:
        task = RunTask.from_json(json.loads(line))
        try:
            do_run(
                task,
                ImageStore.open(task.store),
                progress=_Told(tell),
                log=lambda text: tell({"kind": "log", "line": text}),
            )
            tell({"kind": "done"})
        except Interrupted:
            tell({"kind": "stopped"})
        except KeyboardInterrupt:
            tell({"kind": "stopped"})
            return
        except ZscopeError as error:
            tell({"kind": "failed", "why": str(error)})
        except (MemoryError, OSError) as error:
            tell({"kind": "failed", "why": f"{type(error).__name__}: {error}"})
        except Exception as error:  # a defect: its traceback is shown, and the other runs go on
            traceback.print_exc()
            tell({"kind": "failed", "why": f"{type(error).__name__}: {error} (a defect of zscope)"})


class _Told:
    """A progress that tells of the beginning, the end and every `EVERY` seconds of each work."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._what = ""
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int, /, **figures: float | str) -> None:
        now = time.monotonic()
        if what == self._what and now < self._next and done < total:
            return
        self._what, self._next = what, now + EVERY
        self._tell({"kind": "progress", "what": what, "done": done, "total": total, "figures": figures})


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def main() -> None:
    """Serve the process that started this one."""
    import torch

    # What a library prints must not come between the events.
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(event: dict[str, object]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    threads = int(os.environ.get(THREADS, "1"))
    torch.set_num_threads(threads)
    with threadpool_limits(threads), suppress(KeyboardInterrupt):
        serve(sys.stdin, tell)


if __name__ == "__main__":
    main()
