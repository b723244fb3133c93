"""What is kept: computed once among threads, and forgotten in the order in which it was asked for."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from zscope.study.explore.caches import Once, Recent


class Slow:
    """Counts how often its part is made."""

    def __init__(self):
        self.made = 0

    @Once
    def part(self):
        """The part."""
        time.sleep(0.01)
        self.made += 1
        return object()


def test_a_part_is_computed_once_however_many_threads_ask():
    slow, other = Slow(), Slow()
    ready = threading.Barrier(8)

    def ask(_):
        ready.wait()
        return slow.part

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert slow.made == 1
    assert all(one is found[0] for one in found)
    assert other.part is not slow.part


def test_what_was_asked_for_longest_ago_is_forgotten():
    recent, made = Recent(2), []

    def get(key):
        return recent.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]
