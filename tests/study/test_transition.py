"""Where a condition sets in along a sweep: closed cases."""

import pytest

from zscope.study.transition import COLLAPSED, MOST_NOISE, collapse, crossing, decoding

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


@pytest.mark.parametrize(("shares", "weight"), [([0, 0.49, 0.5, 0.8], 1.0), ([0, 0.51, 0.51, 0.8], 0.1)])
def test_random_codes_decode_where_half_of_their_images_do(shares, weight):
    found = decoding(table(shares), flat(0.0), flat(8))
    assert (found.state, found.weight, found.why) == ("at", weight, "")


YARDSTICKS = {"noise passes": (MOST_NOISE + 0.01, 8), "no unit is active": (0.0, 0)}


def weighed(shares, idle, kind):
    """Decide shares of random codes, with reconstructions that are no yardstick at some places."""
    noise, active = YARDSTICKS[kind]
    return decoding(
        table(shares),
        table([noise if place in idle else MOST_NOISE for place in range(4)]),
        table([active if place in idle else 1 for place in range(4)]),
    )


@pytest.mark.parametrize("kind", YARDSTICKS)
class TestWithoutAYardstick:
    def test_nothing_is_decided_where_there_is_none(self, kind):
        found = weighed([0, 0, 0.5, 0.9], {3}, kind)
        assert (found.state, found.weight) == ("at", 1.0)
        assert found.why.startswith("at 10 ")
        late = weighed([0, 0, 0, 0.9], {3}, kind)
        assert late.state == "undecided"
        words = {"noise passes": "6 % of images of noise are as near", "no unit is active": "no unit is active"}[kind]
        assert late.why.startswith(f"it is reached only where {words}")
        assert late.why.endswith(" (10)")
        never = weighed([0, 0, 0, 0], {3}, kind)
        assert never.state == "not reached"
        assert never.why.startswith("at 10 ")
        none = weighed([0, 0, 0, 0], {0, 1, 2, 3}, kind)
        assert none.state == "undecided"
        assert none.why.startswith(f"it cannot be told where {words}")

    @pytest.mark.parametrize(
        ("normal", "idle", "weight"),
        [
            ([0, 0, 0.9, 0.9], {1}, 0.1),  # it may set in at the weight in between
            ([0.9, 0.9, 0.9, 0.9], {0}, 0.01),  # and need not decode from the smallest weight on
            ([0, 0, 0, 0.9], {1, 2}, 1.0),
        ],
    )
    def test_just_below_it_leaves_it_undecided(self, kind, normal, idle, weight):
        found = weighed(normal, idle, kind)
        assert (found.state, found.known) == ("undecided", False)
        assert found.why.startswith(f"at {weight:g}, below it, ")

    def test_elsewhere_it_does_not(self, kind):
        assert weighed([0, 0, 0.9, 0.9], {0}, kind).weight == 1.0
        assert weighed([0, 0.9, 0.9, 0.9], {3}, kind).weight == 0.1


def test_a_run_without_a_yardstick_has_no_voice_and_half_of_them_silence_a_weight():
    collapsed, alive = [0, 0, 0.97, 0.97], [0, 0, 0.1, 0.6]
    found = decoding(table(collapsed, alive), flat(0.0, seeds=2), table([8, 8, 0, 0], [8, 8, 2, 2]))
    assert (found.state, found.why) == ("undecided", "it is reached only where no unit is active (1)")
    found = decoding(
        table(collapsed, alive, alive), flat(0.0, seeds=3), table([8, 8, 0, 0], [8, 8, 2, 2], [8, 8, 2, 2])
    )
    assert (found.state, found.weight, found.low, found.high, found.seeds) == ("at", 10.0, 10.0, 10.0, 2)
    assert found.why == "1 of 3 seeds decides nothing there"
    assert (found.value, found.value_before) == (0.6, 0.1)
    never = decoding(table([0.9] * 4, [0, 0, 0.9, 0.9], [0, 0, 0.9, 0.9]), {}, table([0] * 4, [8] * 4, [8] * 4))
    assert (never.weight, never.seeds, never.why) == (1.0, 2, "1 of 3 seeds decides nothing there")


def test_steps_of_the_sweep_are_counted_with_weights_that_decide_nothing():
    found = decoding(table([0.9, 0.9, 0.9, 0.9], [0, 0.9, 0.9, 0.9], [0, 0.9, 0.9, 0.9]), {}, {})
    assert (found.state, found.weight) == ("at", 0.1)
    apart = decoding(
        table([0.9, 0.9, 0.9, 0.9], [0.9, 0.9, 0.9, 0.9], [0, 0, 0.9, 0.9]), table(*[[0, 1, 0, 0]] * 3), {}
    )
    assert apart.state == "undecided"
    assert "from 0.01 to 1, more than one step" in apart.why


def test_weights_that_were_not_scored_decide_nothing():
    found = decoding(table([None, 0.9, 0.9, 0.9]), {}, {})
    assert (found.state, found.why) == ("undecided", "at 0.01, below it, N(0, I) was not scored")
    found = decoding(table([0, None, 0.9, 0.9]), {}, {})
    assert (found.state, found.why) == ("undecided", "at 0.1, below it, N(0, I) was not scored")
    found = decoding(table([0, 0.9, 0.9, None]), {}, {})
    assert (found.state, found.weight, found.why) == ("at", 0.1, "at 10 N(0, I) was not scored")


def test_without_ladders_nothing_was_measured_and_without_measures_units_are_not_asked_for():
    assert decoding({}, {}, {}).state == "not measured"
    assert decoding({0.1: {}, 1.0: {}}, {}, {}).state == "not measured"
    assert decoding(table([0, 0, 0.9, 0.9]), {}, {}).weight == 1.0


def test_units_collapse_where_a_tenth_is_lost():
    d = 20
    assert COLLAPSED * d == 18
    found = collapse(table([20, 19, 18, 3], [20, 18, 17, 2], [20, 19, 18, 2]), d)
    assert (found.state, found.weight, found.low, found.high) == ("at", 1.0, 0.1, 1.0)
    assert collapse(flat(20), d).state == "not reached"
    assert collapse(flat(1), d).state == "from the smallest"
