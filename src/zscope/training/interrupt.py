"""Ctrl-C as a wish: the step at hand is finished and saved before the run stops."""

import signal
import threading
from types import FrameType
from typing import Self


class Interruptible:
    """A block in which the first SIGINT or SIGTERM sets `wanted`; a second SIGINT interrupts as usual."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread only; elsewhere the caller's handling stays as it is.
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGINT, signal.SIGTERM):
                self._before[kind] = signal.signal(kind, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)  # type: ignore[arg-type]

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.wanted = True
