"""What is computed once and kept: parts of an object, and the things that were asked for last. Safe among threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(cached_property[T]):
    """A property that is computed when it is first asked for, once, however many threads ask at the same time."""

    def __init__(self, func: Callable[[Any], T]) -> None:
        lock = threading.RLock()

        def guarded(instance: Any) -> T:
            kept, name = vars(instance), str(self.attrname)
            with lock:
                if name not in kept:
                    kept[name] = func(instance)
                value: T = kept[name]
                return value

        super().__init__(guarded)
        self.__doc__ = func.__doc__


class Recent(Generic[T]):
    """The things that were made last, at most so many of them; each is made once, whoever asks.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what is kept under a key, or make it; what was asked for longest ago is forgotten.

        While one thing is made, others can be had and made.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:  # another thread made it meanwhile
                    self._kept.move_to_end(key)
                    return self._kept[key]
                # Room comes first: with large things one more than allowed may be one too many for the memory.
                self._trim(self._most - 1)
            try:
                value = make()
                with self._lock:
                    self._kept[key] = value
                    self._trim(self._most)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def _trim(self, most: int) -> None:
        while len(self._kept) > most:
            self._kept.popitem(last=False)
