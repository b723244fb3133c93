"""Null clouds beside the codes: their draws, lineups and windows."""

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.measures.windows import window_tests
from zscope.study.explore import Explored, Plane
from zscope.study.explore.nulls import window_counts
from zscope.study.measure import generator


def test_a_draw_has_the_moments_of_the_codes_and_is_the_same_in_every_call(cloud):
    names = ["axis0", "axis1", "axis2", "axis3"]
    answer = cloud.null("covariance", 1, names)
    drawn = np.stack([answer.buffers[name] for name in names], axis=1)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(0), cloud.opened.codes.mean(0), atol=1e-4)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(cloud.opened.codes.T), atol=1e-3)
    for other in (2, 3):  # the first is forgotten, and must be drawn again
        assert not np.array_equal(cloud.null("covariance", other, ["axis0"]).buffers["axis0"], drawn[:, 0])
    again = cloud.null("covariance", 1, ["pc2", "axis1", "radius"]).buffers
    np.testing.assert_array_equal(again["axis1"], drawn[:, 1])
    np.testing.assert_allclose(again["radius"], np.linalg.norm(drawn, axis=1), rtol=1e-6)
    along = (drawn - cloud.opened.axes.centre) @ cloud.opened.axes.components[1]
    np.testing.assert_allclose(again["pc2"], along, atol=1e-5)


def test_permuting_keeps_the_values_of_every_axis(cloud):
    drawn = cloud.null("permuted", 0, ["axis2"]).buffers["axis2"]
    np.testing.assert_array_equal(np.sort(drawn), np.sort(cloud.opened.codes[:, 2]))


def test_a_null_map_is_given_only_where_one_is_stored(vae):
    answer = vae.null("covariance", 0, ["tsne.standard.x", "tsne.standard.y"])
    values = answer.buffers["tsne.standard.x"]
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(values)), vae.opened.train)
    for cloud, draw, names in (
        ("covariance", 1, ["tsne.standard.x"]),
        ("permuted", 0, ["tsne.standard.x"]),
        ("covariance", 0, ["held-out.tsne.standard.x"]),
    ):
        with pytest.raises(ParameterError, match="cloud must be draw 0 of covariance for a map of which"):
            vae.null(cloud, draw, names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gauss", 0, ["pc1"]), "cloud must be one of covariance, elliptical, copula, permuted, normal, got gauss"),
        (("covariance", -1, ["pc1"]), "draw must be a whole number from 0 to 999, got -1"),
        (("covariance", 0, ["kl"]), r"column must be axes, components or radius \(of kl a null has nothing\), got kl"),
        (("covariance", 0, ["digit"]), "column must be axes, components or radius .* got digit"),
        (("covariance", 0, ["pc9"]), "column must be a component from pc1 to pc5, got pc9"),
        (("covariance", 0, ["pc1", "tsne.standard.x"]), "names must be all of one map, or none of a map"),
    ],
)
def test_nulls_that_there_are_not(vae, arguments, message):
    with pytest.raises(ParameterError, match=message):
        vae.null(*arguments)


def test_fewer_codes_than_dimensions_have_fewer_nulls(tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(6, 8)))
    few = Explored.of_codes(tmp_path / "few.npy")
    assert few.about("0")["nulls"] == ["permuted", "normal"]
    with pytest.raises(ParameterError, match="the others need more codes than dimensions, got covariance"):
        few.null("covariance", 0, ["axis0"])


def test_windows_are_counted_as_numpy_counts_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 500))
    found = window_counts(x, y, (-1.0, 2.0, -0.5, 1.5), 10)
    expected = np.histogram2d(y, x, bins=10, range=[(-0.5, 1.5), (-1.0, 2.0)])[0]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        window_counts(np.array([0.0, 1.0]), np.array([0.0, 2.0]), (0, 1, 0, 2), 8)[[0, 7], [0, 7]], 1
    )


@pytest.mark.parametrize("name", ["covariance", "permuted"])
def test_a_lineup_hides_the_codes_among_null_draws(cloud, plane, name):
    window = [-3.0, 3.0, -2.0, 2.0]
    answer = cloud.lineup(plane, name, window, panels=6, bins=12, seed=4)
    counts = answer.buffers["counts"]
    assert counts.shape == (6, 12, 12)
    assert counts.dtype == np.uint32
    assert answer.data["counts"] == counts.sum(axis=(1, 2)).tolist()
    x, y = (cloud.column(one).buffers["values"] for one in ("pc1", "pc2"))
    own = window_counts(x, y, tuple(window), 12)
    places = [panel for panel in range(6) if np.array_equal(counts[panel], own)]
    assert len(places) == 1
    guess = cloud.guess(answer.data["id"], (places[0] + 1) % 6).data
    assert (guess["right"], guess["panel"], guess["counted"]) == (False, places[0], True)
    assert guess["chance"] == pytest.approx(1 / 6)
    second = cloud.guess(answer.data["id"], places[0]).data
    assert (second["right"], second["counted"]) == (True, False)
    assert second["says"].endswith("so this guess does not count.")
    with pytest.raises(ParameterError, match="panel must be a whole number from 0 to 5, got 6"):
        cloud.guess(answer.data["id"], 6)
    another = cloud.lineup(plane, name, window, panels=6, bins=12, seed=5).data["id"]
    assert cloud.guess(another, 0).data["counted"] is False, "the same window was told before"


def test_the_codes_panel_is_drawn_anew_each_time_and_old_lineups_are_forgotten(cloud, plane):
    """With 60 lineups of one seed each of 4 panels comes up: P(one is missing) < 4 · 0.75^60 < 2e-7."""
    keys = [cloud.lineup(plane, "covariance", [-1, 1, -1, 1], panels=4, bins=8).data["id"] for _ in range(60)]
    assert len(set(keys)) == 60
    with pytest.raises(ParameterError, match="id must be that of one of the last 50 lineups"):
        cloud.guess(keys[9], 0)
    answers = [cloud.guess(key, 0).data for key in keys[10:]]
    assert {answer["panel"] for answer in answers} == {0, 1, 2, 3}


def test_lineups_know_their_bounds(vae, plane):
    for change, message in (
        ({"panels": 1}, "panels must be a whole number from 2 to 20"),
        ({"bins": 7}, "bins must be a whole number from 8 to 200"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"window": [1, 0, 0, 1]}, "window must be x0 < x1, y0 < y1"),
        ({"plane": Plane("tsne.standard.x", "tsne.standard.y")}, "column must be axes, components or radius"),
        ({"plane": Plane("pc1", "pc1")}, "plane must be two different columns"),
    ):
        with pytest.raises(ParameterError, match=message):
            vae.lineup(**({"plane": plane, "cloud": "covariance", "window": [-1, 1, -1, 1]} | change))


def test_a_window_has_the_statistics_of_window_tests(cloud, plane):
    """A window that is no square is scaled to one before."""
    answer = cloud.window(plane, [0.1, 0.2], [2.0, 0.9])
    x, y = (cloud.column(one).buffers["values"] for one in ("pc1", "pc2"))
    expected = window_tests(
        (x - 0.1) / 2.0, (y - 0.2) / 0.9, (0.0, 0.0), 1.0, generator(0, "explored window"), draws=99, most=1000
    )
    assert answer.data["n"] == np.count_nonzero((np.abs(x - 0.1) <= 2) & (np.abs(y - 0.2) <= 0.9))
    assert answer.data["used"] == expected.n
    one = expected.statistics["clark_evans"]
    assert answer.data["statistics"]["clark_evans"] == {**vars(one), "differs": one.p <= 0.01}
    assert "Each axis is scaled by itself" in answer.data["says"]
    assert answer.data == cloud.window(plane, [0.1, 0.2], [2.0, 0.9]).data


def test_a_null_s_window_has_the_null_s_points(cloud, plane):
    answer = cloud.window(plane, [0, 0], [1, 1], ("covariance", 0))
    x, y = cloud.null("covariance", 0, ["pc1", "pc2"]).buffers.values()
    assert answer.data["n"] == np.count_nonzero((np.abs(x) <= 1) & (np.abs(y) <= 1))


def test_windows_of_few_points_have_no_statistics(cloud, plane):
    answer = cloud.window(plane, [0, 0], [0.1, 0.1])
    assert answer.data["statistics"] is None
    assert "statistics need at least 30 distinct ones" in answer.data["says"]
    with pytest.raises(ParameterError, match="half must be above 0"):
        cloud.window(plane, [0, 0], [1, 0])
    with pytest.raises(ParameterError, match="centre must be finite"):
        cloud.window(plane, [0, float("nan")], [1, 1])
