"""Who computes when: one thread a lane, calls that wait together answered together, and the latest call of a stream."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Generic, TypeVar

from zscope.errors import ZscopeError

Request = TypeVar("Request")
Result = TypeVar("Result")

MOST_WAITING = 256
"""Calls that may wait in a lane; what comes beyond is turned away."""

MOST_TOGETHER = 32
"""Calls that are answered together."""


class SupersededError(ZscopeError):
    """A call of a stream that a newer one of the same stream made stale before it was begun."""


class BusyError(ZscopeError):
    """A call that came while too many waited."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Request, Result]):
    request: Request
    group: object
    stream: str | None
    future: "Future[Result]"


class Lane(Generic[Request, Result]):
    """A thread that answers calls in the order in which they came.

    Calls of one group that wait at the same time are answered together. Of the calls of a stream that wait only the
    latest is answered: what a dragged pointer asked for a moment ago nobody wants to see any more.

    Parameters
    ----------
    name : str
        Of the thread.
    answer : callable
        Takes the requests of one group and gives one result or exception for each.
    """

    def __init__(self, name: str, answer: Callable[[Sequence[Request]], Sequence[Result | Exception]]) -> None:
        self._answer = answer
        self._waiting: deque[_Waiting[Request, Result]] = deque()
        self._wakened = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"zscope-{name}", daemon=True)
        self._thread.start()

    def submit(self, request: Request, *, group: object, stream: str | None) -> "Future[Result]":
        """Let a call wait for its turn.

        Parameters
        ----------
        request : object
            What `answer` takes.
        group : object
            Calls of equal groups are answered together; None: alone.
        stream : str or None
            Its older calls that still wait end with `SupersededError`.

        Returns
        -------
        Future
            Of the answer; ends with `BusyError` where too many calls wait.
        """
        future: Future[Result] = Future()
        with self._wakened:
            if stream is not None:
                for old in [one for one in self._waiting if one.stream == stream]:
                    self._waiting.remove(old)
                    _fail(old.future, SupersededError("a newer call took its place"))
            if self._closed or len(self._waiting) >= MOST_WAITING:
                _fail(future, BusyError(f"{len(self._waiting)} calls are waiting: try again in a moment"))
                return future
            self._waiting.append(_Waiting(request, group, stream, future))
            self._wakened.notify()
        return future

    def close(self) -> None:
        """End the thread after the calls in progress; those that wait end with `BusyError`."""
        with self._wakened:
            self._closed = True
            while self._waiting:
                _fail(self._waiting.popleft().future, BusyError("the explorer is closing"))
            self._wakened.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            try:
                results = self._answer([one.request for one in turn])
            except Exception as error:  # whatever it is belongs to the callers, and the thread goes on
                results = [error] * len(turn)
            for one, result in zip(turn, results, strict=True):
                if isinstance(result, Exception):
                    _fail(one.future, result)
                else:
                    _finish(one.future, result)

    def _next(self) -> list[_Waiting[Request, Result]] | None:
        """Wait for calls and take those that belong together; None once the lane is closed."""
        with self._wakened:
            while not self._waiting:
                if self._closed:
                    return None
                self._wakened.wait()
            first = self._waiting.popleft()
            turn = [first]
            if first.group is not None:
                turn += [one for one in self._waiting if one.group == first.group][: MOST_TOGETHER - 1]
                for one in turn[1:]:
                    self._waiting.remove(one)
            return turn


def _fail(future: "Future[Result]", error: Exception) -> None:
    try:
        future.set_exception(error)
    except InvalidStateError:
        return  # who waited has gone


def _finish(future: "Future[Result]", result: Result) -> None:
    try:
        future.set_result(result)
    except InvalidStateError:
        return  # who waited has gone
