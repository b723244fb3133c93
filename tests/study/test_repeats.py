"""Minima that runs of several seeds found: closed cases."""

from math import sqrt

import pytest

from zscope.study.repeats import LOSS_FLOOR, LOSS_GAP, RADIUS_FLOOR, RADIUS_GAP, Repeat, repeats_of


def runs(*points):
    return [Repeat(f"s{place}", loss, radius) for place, (loss, radius) in enumerate(points)]


def groups(*points, d=None):
    return [minimum.runs for minimum in repeats_of("x", runs(*points), d).minima]


def test_runs_of_one_minimum():
    found = repeats_of("x", runs((100.0, 16.3), (100.4, 17.4), (99.8, 16.0)))
    assert [minimum.runs for minimum in found.minima] == [("s0", "s1", "s2")]
    assert (found.loss, found.radius, found.runs) == ((99.8, 100.4), (16.0, 17.4), 3)
    assert found.loss_spread == pytest.approx(0.6 / 100)
    assert found.radius_spread == pytest.approx(1.4 / 16.3)
    assert not found.loose  # they are of one minimum


def test_another_radius_at_the_same_loss_is_another_minimum():
    assert groups((100.0, 16.3), (100.1, 66.0), (100.2, 16.5)) == [("s0", "s2"), ("s1",)]


def test_another_loss_at_the_same_radius_is_another_minimum():
    assert groups((100.0, 16.0), (103.0, 16.0)) == [("s0",), ("s1",)]


@pytest.mark.parametrize(("step", "count"), [(0.999, 1), (1.001, 2)])
def test_gaps_are_shares_of_the_median(step, count):
    middle = 200.0
    near = middle - step * LOSS_GAP * middle
    assert len(groups((near, 5.0), (middle, 5.0), (middle, 5.0))) == count
    assert len(groups((1.0, 5.0 - step * RADIUS_GAP * 5.0), (1.0, 5.0), (1.0, 5.0))) == count


def test_links_make_a_chain():
    """Single linkage: the ends may lie further apart than a step, in whatever order the runs come."""
    points = [(100.0, 16.0), (100.0, 18.9), (100.0, 17.4)]
    assert groups(*points) == [("s0", "s1", "s2")]
    assert groups(points[0], points[1]) == [("s0",), ("s1",)]


def test_the_prior_gives_radii_of_a_collapsed_vae_a_scale():
    d = 16
    points = [(50.0, 0.01), (50.0, 0.01 + 0.9 * RADIUS_FLOOR * sqrt(d))]
    assert len(groups(*points, d=d)) == 1
    assert len(groups(*points)) == 2


@pytest.mark.parametrize(
    ("points", "loose"),
    [
        ([(100.0, 16.0), (100.0, 66.0)], True),
        ([(100.0, 10.0), (100.0, 10.9)], False),  # of one minimum, though the loss does not spread at all
        ([(100.0, 10.0), (103.0, 10.5)], False),  # two minima of one radius
        ([(100.0, 10.0), (103.0, 10.9)], False),
        ([(100.0, 10.0), (130.0, 16.0)], False),  # both spread
        ([(100.0, 10.0), (110.0, 16.0)], True),
    ],
)
def test_when_the_loss_does_not_fix_the_radius(points, loose):
    assert repeats_of("x", runs(*points)).loose == loose


@pytest.mark.parametrize(("step", "count"), [(0.999, 1), (1.001, 2)])
def test_losses_near_zero_have_a_floor(step, count):
    assert len(groups((0.3 - step * LOSS_FLOOR, 5.0), (0.3, 5.0), (0.3, 5.0))) == count


def test_a_radius_that_is_as_fixed_as_the_loss():
    found = repeats_of("x", runs((100.0, 10.0), (101.0, 10.2)))
    assert not found.loose
    assert found.as_json()["minima"][0]["runs"] == ("s0", "s1")
