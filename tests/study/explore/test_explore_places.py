"""Codes at places of a plane: formulas against their own coordinates, sliders, blends, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from zscope.errors import CodesError, ParameterError
from zscope.measures.pca import principal_axes
from zscope.models import Autoencoder
from zscope.study.explore import Base, Plane
from zscope.study.explore.fields import around
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import in_plane


def unit(*numbers):
    return np.array(numbers) / np.linalg.norm(numbers)


def test_raw_axes_are_set_and_all_else_is_the_base():
    base = np.array([1.0, 2, 3, 4])
    found = in_plane(base, np.eye(4)[[2, 0]], np.zeros(2), np.array([[7.0, 8], [0, 0]]))
    np.testing.assert_allclose(found, [[8, 2, 7, 4], [0, 2, 0, 4]])


@pytest.mark.parametrize("second", [unit(0, 1.0, 1, 0), unit(3, 1.0, 1, 0), unit(-0.2, 0.3, 0.1, 5)])
def test_coordinates_come_out_and_the_orthogonal_part_stays(second):
    rng = np.random.default_rng(0)
    base, first = rng.normal(size=4), unit(1.0, 0, 0, 0)
    vectors, offsets = np.stack([first, second]), np.array([0.3, -2.0])
    at = rng.normal(size=(6, 2)) * 10
    found = in_plane(base, vectors, offsets, at)
    np.testing.assert_allclose(found @ vectors.T - offsets, at, atol=1e-12)
    rest = np.linalg.svd(vectors)[2][2:]
    np.testing.assert_allclose(found @ rest.T, np.tile(base @ rest.T, (6, 1)), atol=1e-12)


def test_two_columns_along_one_direction_span_no_plane():
    with pytest.raises(ParameterError, match="plane must be two columns that run along different directions"):
        in_plane(np.zeros(2), np.array([[1.0, 0], [-1, 0]]), np.zeros(2), np.zeros((1, 2)))


@pytest.mark.parametrize("names", [("pc1", "pc2"), ("axis3", "axis0"), ("axis1", "pc2"), ("pc5", "pc1")])
@pytest.mark.parametrize("base", [Base("mean"), Base("row", 17), Base("code", None, (1.0, 2, 3, 4, 5))])
def test_a_code_lies_where_its_plane_shows_it(vae, names, base):
    at = [[0.25, -1.5], [3.0, 1e-3]]
    shifts = {"pc3": 0.5}
    placed = vae.places.placed(base, Plane(*names), at, shifts)
    axes = principal_axes(vae.opened.codes[vae.opened.train])
    for place, name in enumerate(names):
        number = int(name.lstrip("axispc"))
        own = placed.codes[:, number] if name[0] == "a" else (placed.codes - axes.centre) @ axes.components[number - 1]
        np.testing.assert_allclose(own, [one[place] for one in at], atol=1e-9)
    assert placed.how == "code"
    kinds = {name[:2] for name in names}
    if kinds == {"pc", "ax"}:
        assert placed.says.startswith(f"Of the codes at this place of {names[0]} and {names[1]} the one nearest to ")
    else:
        others = "components" if kinds == {"pc"} else "coordinates"
        assert placed.says.startswith(f"In the plane of {names[0]} and {names[1]}; all other {others} are those of ")


def test_images_are_those_that_the_model_decodes(vae, home):
    answer = vae.decode(Base("row", 4))
    np.testing.assert_array_equal(answer.buffers["codes"][0], vae.opened.codes[4])
    model = Autoencoder.from_pretrained(home / "vae")
    np.testing.assert_array_equal(answer.buffers["images"], model.decode_all(vae.opened.codes[4:5]))
    assert answer.data["distances"] is None  # no judge has been made, and none is trained for a call
    assert answer.buffers["images"].dtype == np.uint8


def test_sliders_move_by_standard_deviations_and_by_differences_of_means(vae):
    opened = vae.opened
    train = opened.codes[opened.train].astype(np.float64)
    axes = principal_axes(train)
    digit = np.array(opened.points["digit"].to_pylist())[opened.train]
    vector = train[digit == 3].mean(0) - train[digit != 3].mean(0)
    found = vae.decode(Base("mean"), None, None, {"pc2": -1.5, "attribute:digit=3": 2.0}).buffers["codes"][0]
    along = (train - axes.centre) @ axes.components[1]
    expected = train.mean(0) - 1.5 * along.std(ddof=1) * axes.components[1] + 2 * vector
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [name for name in vae.places.attributes if name.startswith("digit=")] == [
        f"digit={one}" for one in range(10)
    ]


def test_a_map_has_no_inverse_and_its_blend_is_the_weighted_mean(vae):
    plane = Plane("tsne.standard.x", "tsne.standard.y")
    answer = vae.decode(Base("mean"), plane, [[0.1, 0.2]])
    shown = np.stack([vae.column(name).buffers["values"] for name in (plane.x, plane.y)], axis=1).astype(np.float64)
    distances = np.linalg.norm(shown - [0.1, 0.2], axis=1)
    near = np.argsort(distances)[:5]  # NaN comes last: held-out codes have a map of their own
    weights = 1 / distances[near]
    expected = weights @ vae.opened.codes[near] / weights.sum()
    np.testing.assert_allclose(answer.buffers["codes"][0], expected, rtol=1e-5)
    assert set(near) <= set(vae.opened.train)
    assert answer.data["how"] == "blend"
    assert answer.data["says"].startswith("A blend: this map has no inverse.")
    own = vae.decode(Base("mean"), plane, [shown[near[0]]]).buffers["codes"][0]
    np.testing.assert_array_equal(own, vae.opened.codes[near[0]])


def test_a_plane_of_measures_compares_its_columns_in_standard_deviations(vae):
    plane = Plane("radius", "kl")
    shown = np.stack([vae.column(name).buffers["values"] for name in ("radius", "kl")], axis=1).astype(np.float64)
    distances = np.linalg.norm((shown - [2.0, 4.0]) / shown.std(axis=0), axis=1)
    near = np.argsort(distances)[:5]
    weights = 1 / distances[near]
    found = vae.decode(Base("mean"), plane, [[2.0, 4.0]])
    np.testing.assert_allclose(found.buffers["codes"][0], weights @ vae.opened.codes[near] / weights.sum(), rtol=1e-5)
    assert found.data["how"] == "blend"


def test_requests_together_get_the_answers_that_they_get_alone(vae, plane):
    wanted = [
        (Base("row", 1), plane, [[0, 0], [1, 1]], {}),
        (Base("mean"), Plane("pc1", "pc1"), [[0, 0]], {}),
        (Base("mean"), None, None, {"pc1": 1.0}),
    ]
    first, wrong, last = vae.decode_together(wanted)
    assert isinstance(wrong, ParameterError)
    for answer, request in ((first, wanted[0]), (last, wanted[2])):
        alone = vae.decode(*request)
        assert answer.data == alone.data
        np.testing.assert_array_equal(answer.buffers["codes"], alone.buffers["codes"])
        assert np.abs(answer.buffers["images"].astype(int) - alone.buffers["images"]).max() <= 1  # another batch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Base("mean"), Plane("pc1", "pc1"), [[0, 0]]), "plane must be two different columns, got pc1 twice"),
        ((Base("mean"), Plane("pc1", "pc6"), [[0, 0]]), "column must be a component from pc1 to pc5, got pc6"),
        ((Base("mean"), Plane("axis5", "pc1"), [[0, 0]]), "column must be an axis from axis0 to axis4, got axis5"),
        ((Base("mean"), Plane("hat", "pc1"), [[0, 0]]), "column must be axis0 to axis4, .* got hat"),
        ((Base("mean"), Plane("digit", "pc1"), [[0, 0]]), "plane must be two columns of numbers, got digit"),
        ((Base("mean"), Plane("pc1", "pc2"), [[0, np.nan]]), "at must be finite, got nan"),
        ((Base("mean"), Plane("pc1", "pc2"), [[0, 0, 0]]), "at must be 2 numbers, got 3"),
        ((Base("mean"), Plane("pc1", "pc2"), [[0, 0]] * 257), "at must be 1 to 256 places, got 257"),
        ((Base("mean"), Plane("pc1", "pc2"), [[1e300, 0]]), "at must lie within the numbers of float32"),
        ((Base("mean"), Plane("pc1", "pc2"), None), "plane and at must be given together"),
        ((Base("row", 400),), "row must be a whole number from 0 to 399, got 400"),
        ((Base("row", -1),), "row must be a whole number from 0 to 399, got -1"),
        ((Base("code", None, (1.0, 2.0)),), "base.code must be 5 numbers, got 2"),
        ((Base("code", None, (1.0, 2, 3, 4, float("inf"))),), "base.code must be finite, got inf"),
        ((Base("middle"),), "base.kind must be mean, row or code, got middle"),
        ((Base("mean"), None, None, {"axis1": 1}), "shifts must be named pc1 to pc5 or attribute:NAME, got axis1"),
        ((Base("mean"), None, None, {"attribute:digit=12": 1}), "attribute must be one of digit=0, .* got digit=12"),
        ((Base("mean"), None, None, {"pc1": float("nan")}), "shifts.pc1 must be finite, got nan"),
    ],
)
def test_what_is_out_of_bounds_is_named(vae, arguments, message):
    with pytest.raises(ParameterError, match=message):
        vae.decode(*arguments)


def test_codes_without_a_model_say_so(cloud, plane):
    with pytest.raises(CodesError, match="codes without a model: nothing can be decoded"):
        cloud.decode(Base("mean"), plane, [[0, 0]])
    assert cloud.places.attributes == {}
    (error,) = cloud.decode_together([(Base("mean"), plane, [[0, 0]], {})])
    assert isinstance(error, CodesError)


def test_the_mean_over_a_cell_and_those_around_it():
    grid = np.zeros((3, 4), bool)
    grid[0, 0] = grid[1, 1] = True
    expected = [[2 / 4, 2 / 6, 1 / 6, 0], [2 / 6, 2 / 9, 1 / 9, 0], [1 / 4, 1 / 6, 1 / 6, 0]]
    np.testing.assert_allclose(around(grid), expected)


def test_the_field_judges_the_middles_of_its_cells(vae, monkeypatch):
    """A judge that finds only codes right of 0 meaningful, told by what was decoded last."""
    seen = {}

    def decode(self, codes):
        seen["codes"] = codes
        return np.zeros((len(codes), 8, 8, 1), np.uint8)

    plane = Plane("axis0", "axis1")
    monkeypatch.setattr(Opened, "decode", decode)
    judge = SimpleNamespace(meaningful=lambda images: seen["codes"][:, 0] > 0)
    monkeypatch.setitem(vars(vae.opened), "judge", judge)
    answer = vae.meaning(Base("mean"), plane, [-2, 2, -1, 3], 4)
    np.testing.assert_allclose(seen["codes"][:4, :2], [[-1.5, -0.5], [-0.5, -0.5], [0.5, -0.5], [1.5, -0.5]])
    np.testing.assert_allclose(seen["codes"][4:8, 1], 0.5)
    np.testing.assert_allclose(answer.buffers["share"], np.tile([0, 1 / 3, 2 / 3, 1], (4, 1)), rtol=1e-6)
    assert answer.data["says"].startswith(
        "16 codes were decoded, one in the middle of each of 4 × 4 cells, and 8 of them"
    )


def test_without_a_judge_there_is_no_field(vae, plane):
    with pytest.raises(CodesError, match="there is no judge of these images: zscope sample RUN --ladder makes one"):
        vae.meaning(Base("mean"), plane, [-1, 1, -1, 1], 4)
    for window, message in (
        ([1, 1, 0, 2], "be x0 < x1"),
        ([0, 1, 0], "be 4 numbers"),
        ([0, 1, 0, np.inf], "be finite"),
    ):
        with pytest.raises(ParameterError, match=f"window must {message}"):
            vae.meaning(Base("mean"), plane, window, 4)
