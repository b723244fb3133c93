"""Columns: raw axes, components, labels, maps, and names that there are not."""

import numpy as np
import pytest

from zscope.errors import ParameterError
from zscope.measures.planes import plane_projection, project
from zscope.study.explore import Explored, Plane, opened


def test_a_raw_axis_is_given_as_it_is_stored(vae):
    values = vae.column("axis2").buffers["values"]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, vae.opened.codes[:, 2])


def test_components_are_those_that_measures_keep(vae):
    """On training codes: measures project each split onto axes of its own, the explorer all codes onto the same."""
    train = vae.opened.train
    kept = project(vae.opened.codes[train], plane_projection(vae.opened.codes[train]))
    for name in ("pc1", "pc2", "pc5"):
        values = vae.column(name).buffers["values"]
        assert values.dtype == np.float64
        np.testing.assert_allclose(values[train], kept[name], atol=1e-5)
    together = np.stack([vae.column(f"pc{number}").buffers["values"] for number in range(1, 6)], axis=1)
    centred = vae.opened.codes - vae.opened.axes.centre
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), np.linalg.norm(centred, axis=1), rtol=1e-6)


def test_categories_are_numbered_in_the_order_of_their_values(cloud):
    letter = cloud.column("letter")
    assert (letter.data["kind"], letter.data["values"]) == ("category", ["a", "b"])
    np.testing.assert_array_equal(letter.buffers["values"], np.arange(600) % 2)
    quarter = cloud.column("quarter").buffers["values"]
    assert quarter.dtype == np.int32
    assert (quarter[:10] == -1).all()
    np.testing.assert_array_equal(quarter[10:], np.arange(10, 600) % 4)
    odd = cloud.column("odd")
    assert odd.data["values"] == ["False", "True"]
    np.testing.assert_array_equal(odd.buffers["values"], np.arange(600) % 3 > 0)
    ids = cloud.column("id")
    assert ids.data["kind"] == "text"
    assert [ids.data["values"][code] for code in ids.buffers["values"][:3]] == ["0", "1", "2"]


def test_each_split_has_a_map_of_its_own(vae):
    held_out = np.setdiff1d(np.arange(400), vae.opened.train)
    for name, rows in (("tsne.standard.x", vae.opened.train), ("held-out.tsne.standard.x", held_out)):
        values = vae.column(name).buffers["values"]
        np.testing.assert_array_equal(np.flatnonzero(np.isfinite(values)), rows)
        stored = np.asarray(vae.opened.points["tsne.standard.x"].to_numpy())
        np.testing.assert_array_equal(values[rows], stored[rows])


def test_the_radius_is_there_without_measures(cloud):
    expected = np.linalg.norm(cloud.opened.codes.astype(np.float64), axis=1)
    np.testing.assert_allclose(cloud.column("radius").buffers["values"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["pc0", "pc5", "axis4", "axis-1", "axis01", "hat", "", "pc1 "])
def test_names_that_there_are_not_are_refused(cloud, name):
    with pytest.raises(ParameterError, match="column must be "):
        cloud.column(name)


def test_distances_to_neighbours_are_computed_within_each_split(vae):
    values = vae.column("neighbour_distance").buffers["values"]
    codes = vae.opened.codes.astype(np.float64)
    for row in (0, 11, 333):
        same = vae.opened.splits == vae.opened.splits[row]
        distances = np.sort(np.linalg.norm(codes[same] - codes[row], axis=1))
        assert values[row] == pytest.approx(distances[10], rel=1e-5)  # the first is the code itself


def test_reconstruction_errors_are_those_of_single_points(vae):
    values = vae.column("reconstruction_error").buffers["values"]
    for row in (0, 200):
        assert values[row] == pytest.approx(vae.point(row).data["numbers"]["reconstruction_error"], rel=1e-3)
    assert vae.window(Plane("reconstruction_error", "radius"), [0.2, 2], [1, 5]).data["n"] == 400


def test_what_would_take_too_long_is_not_offered(codes_file, monkeypatch):
    monkeypatch.setattr(opened, "MOST_PRODUCTS", 1e3)
    with pytest.raises(ParameterError, match=r"column must be .* got neighbour_distance"):
        Explored.of_codes(codes_file).column("neighbour_distance")
