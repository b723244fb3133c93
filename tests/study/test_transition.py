"""Where a condition sets in along a sweep: closed cases."""

import pytest

from zscope.study.transition import COLLAPSED, HALF, LEAST_RECONSTRUCTIONS, collapse, crossing, decoding

WEIGHTS = (0.01, 0.1, 1.0, 10.0)


def table(*columns, weights=WEIGHTS):
    """A figure by weight and seed, from one row of values a seed."""
    return {
        weight: {str(seed): column[place] for seed, column in enumerate(columns) if column[place] is not None}
        for place, weight in enumerate(weights)
    }


def above(value):
    return value >= 0.5


def flat(value, seeds=1):
    return table(*[[value] * len(WEIGHTS)] * seeds)


def test_the_smallest_weight_of_the_median_and_the_interval_of_the_seeds():
    found = crossing(table([0, 0.6, 1, 1], [0, 0.4, 1, 1], [0, 0.2, 0.9, 1]), above)
    assert (found.state, found.weight, found.before, found.low, found.high, found.seeds) == (
        "at",
        1.0,
        0.1,
        0.1,
        1.0,
        3,
    )
    assert found.known
    assert found.why == ""


def test_the_bound_itself_counts():
    assert crossing(table([0, 0.5, 1, 1]), above).weight == 0.1


def test_from_the_smallest_weight_on():
    found = crossing(table([0.7, 0.8, 0.9, 1]), above)
    assert (found.state, found.weight, found.before) == ("from the smallest", 0.01, None)


def test_not_reached():
    found = crossing(table([0, 0.1, 0.2, 0.3], [0, 0, 0, 0.49]), above)
    assert (found.state, found.weight, found.known, found.seeds) == ("not reached", None, False, 2)


def test_nothing_measured():
    assert crossing({}, above).state == "not measured"
    assert crossing({1.0: {}, 2.0: {}}, above).state == "not measured"


def test_seeds_that_never_reach_it_leave_it_undecided():
    found = crossing(table([0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]), above)
    assert (found.state, found.weight, found.low, found.high) == ("undecided", 0.1, None, None)
    assert found.why == "the seeds disagree: 2 of 3 reach it"
    one = crossing(table([0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]), above)
    assert (one.state, one.weight) == ("undecided", None)


def test_seeds_more_than_a_step_apart_leave_it_undecided():
    assert crossing(table([0, 1, 1, 1], [0, 0, 1, 1]), above).state == "at"
    found = crossing(table([0, 1, 1, 1], [0, 0, 0, 1]), above)
    assert found.state == "undecided"
    assert "from 0.1 to 10, more than one step" in found.why


def test_what_is_lost_again_is_undecided():
    found = crossing(table([0, 1, 0, 1]), above)
    assert (found.state, found.why) == ("undecided", "it is reached at 0.1 and lost again at 1")


def test_weights_without_a_seed_are_passed_over():
    found = crossing(table([0, None, 1, 1], [0, None, None, 1]), above)
    assert found.weight == 1.0
    assert found.before == 0.01


@pytest.mark.parametrize("shares", [[0, 0.39, 0.41, 0.8], [0, 0.41, 0.41, 0.8]])
def test_random_codes_are_held_to_half_of_the_best(shares):
    found = decoding(table(shares), flat(0.8), flat(0.7))
    assert HALF * 0.8 == 0.4
    assert found.weight == WEIGHTS[next(place for place, share in enumerate(shares) if share >= 0.4)]


def test_poor_reconstructions_decide_nothing():
    least = LEAST_RECONSTRUCTIONS
    best, good = flat(0.9), table([0.95, 0.9, least, least - 0.01])
    assert decoding(table([0, 0, 0.5, 0.9]), best, good).weight == 1.0
    late = decoding(table([0, 0, 0, 0.9]), best, good)
    assert late.state == "undecided"
    assert "reached only where few reconstructions are meaningful themselves (49 % at 10)" in late.why
    assert decoding(table([0, 0, 0, 0]), best, good).state == "not reached"
    none = decoding(flat(0.0), flat(0.0), flat(0.0))
    assert none.state == "undecided"
    assert "cannot be told: at every weight" in none.why
    assert decoding({}, {}, {}).state == "not measured"


@pytest.mark.parametrize(
    ("normal", "reconstructions", "weight"),
    [
        ([0, 0, 0.9, 0.9], [0.9, 0.1, 0.9, 0.9], 0.1),  # it may set in at the weight in between
        ([0.9, 0.9, 0.9, 0.9], [0.2, 0.9, 0.9, 0.9], 0.01),  # and need not decode from the smallest weight on
        ([0, 0, 0, 0.9], [0.9, 0.3, 0.3, 0.9], 1.0),
    ],
)
def test_poor_reconstructions_just_below_leave_it_undecided(normal, reconstructions, weight):
    found = decoding(table(normal), flat(0.9), table(reconstructions))
    assert (found.state, found.known) == ("undecided", False)
    assert found.why.startswith(f"at {weight:g}, below it, few reconstructions are meaningful themselves (")


def test_poor_reconstructions_elsewhere_do_not():
    assert decoding(table([0, 0, 0.9, 0.9]), flat(0.9), table([0.1, 0.9, 0.9, 0.9])).weight == 1.0
    assert decoding(table([0, 0.9, 0.9, 0.9]), flat(0.9), table([0.9, 0.9, 0.9, 0.1])).weight == 0.1


def test_units_collapse_where_a_tenth_is_lost():
    d = 20
    assert COLLAPSED * d == 18
    found = collapse(table([20, 19, 18, 3], [20, 18, 17, 2], [20, 19, 18, 2]), d)
    assert (found.state, found.weight, found.low, found.high) == ("at", 1.0, 0.1, 1.0)
    assert collapse(flat(20), d).state == "not reached"
    assert collapse(flat(1), d).state == "from the smallest"
