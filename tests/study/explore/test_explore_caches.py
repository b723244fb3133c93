"""What was computed is kept; while one thing is made, others can be had."""

import threading

import pytest

from zscope.study.explore.caches import Recent


def test_what_is_kept_can_be_had_while_something_is_made():
    kept = Recent(2)
    assert kept.get("there", lambda: 1) == 1
    begun, go = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go.wait(10)
        return 2

    thread = threading.Thread(target=lambda: kept.get("slow", slow))
    thread.start()
    assert begun.wait(10)
    assert kept.get("there", lambda: pytest.fail("it is kept")) == 1
    assert kept.get("other", lambda: 3) == 3
    go.set()
    thread.join(10)
    assert kept.get("slow", lambda: pytest.fail("it is kept")) == 2


def test_each_thing_is_made_once_however_many_ask():
    kept, made = Recent(3), []

    def make():
        made.append(1)
        return "value"

    threads = [threading.Thread(target=lambda: kept.get("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert made == [1]


def test_the_oldest_is_forgotten_and_a_failure_is_not_kept():
    kept = Recent(2)
    for key in (1, 2, 1, 3):
        kept.get(key, lambda key=key: key)
    assert kept.get(1, lambda: pytest.fail("it is kept")) == 1
    assert kept.get(2, lambda: "anew") == "anew"
    with pytest.raises(ZeroDivisionError):
        kept.get(9, lambda: 1 / 0)
    assert kept.get(9, lambda: "now") == "now"
