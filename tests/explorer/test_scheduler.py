"""Calls wait in lanes; stale ones end, those that belong together are answered together, and errors stop no thread."""

import threading

import pytest

from zscope.explorer.scheduler import MOST_TOGETHER, MOST_WAITING, BusyError, Lane, SupersededError


class Held:
    """Answers with the double of each request; begins only when told to, and notes what came together."""

    def __init__(self):
        self.go = threading.Event()
        self.begun = threading.Event()
        self.turns = []

    def __call__(self, requests):
        self.begun.set()
        assert self.go.wait(10)
        self.turns.append(list(requests))
        return [ValueError("odd") if request == 13 else 2 * request for request in requests]


@pytest.fixture
def held():
    answer = Held()
    lane = Lane("test", answer)
    first = lane.submit(0, group=None, stream=None)
    assert answer.begun.wait(10)
    yield lane, answer, first
    answer.go.set()
    lane.close()


def test_answers_come_in_order(held):
    lane, answer, first = held
    futures = [lane.submit(number, group=None, stream=None) for number in (1, 2, 3)]
    answer.go.set()
    assert [future.result(10) for future in (first, *futures)] == [0, 2, 4, 6]
    assert answer.turns == [[0], [1], [2], [3]]


def test_only_the_latest_of_a_stream_is_answered(held):
    lane, answer, _ = held
    old = [lane.submit(number, group="g", stream="mine") for number in (1, 2)]
    other = lane.submit(7, group="g", stream="another")
    new = lane.submit(3, group="g", stream="mine")
    for future in old:
        with pytest.raises(SupersededError):
            future.result(10)
    answer.go.set()
    assert (other.result(10), new.result(10)) == (14, 6)


def test_one_group_is_answered_together_up_to_a_bound(held):
    lane, answer, _ = held
    numbers = range(100, 100 + MOST_TOGETHER + 3)
    one = [lane.submit(number, group="one", stream=None) for number in numbers]
    between = lane.submit(500, group="two", stream=None)
    answer.go.set()
    assert [future.result(10) for future in one] == [2 * number for number in numbers]
    assert between.result(10) == 1000
    assert [len(turn) for turn in answer.turns] == [1, MOST_TOGETHER, 3, 1]


def test_an_error_is_its_callers_alone(held):
    lane, answer, _ = held
    futures = [lane.submit(number, group="g", stream=None) for number in (1, 13, 2)]
    answer.go.set()
    assert (futures[0].result(10), futures[2].result(10)) == (2, 4)
    with pytest.raises(ValueError, match="odd"):
        futures[1].result(10)


def test_an_answer_that_fails_as_a_whole_ends_its_calls_and_not_the_thread():
    def answer(requests):
        if requests == ["bad"]:
            raise RuntimeError("broken")
        return requests

    lane = Lane("test", answer)
    with pytest.raises(RuntimeError, match="broken"):
        lane.submit("bad", group=None, stream=None).result(10)
    assert lane.submit("good", group=None, stream=None).result(10) == "good"
    lane.close()
    with pytest.raises(BusyError):
        lane.submit("late", group=None, stream=None).result(10)


def test_too_many_are_turned_away(held):
    lane, _, _ = held
    for number in range(MOST_WAITING):
        lane.submit(number, group=None, stream=None)
    with pytest.raises(BusyError, match="256 calls are waiting"):
        lane.submit(0, group=None, stream=None).result(10)
