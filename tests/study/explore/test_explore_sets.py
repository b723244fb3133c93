"""Sets of codes, paths and draws: against closed forms, the readers of files, and the commands' own functions."""

import io
import json
from shutil import copytree

import numpy as np
import pytest

from zscope.clouds import cloud as cloud_of
from zscope.clouds.base import posterior_draws
from zscope.errors import CodesError, ParameterError
from zscope.generation.paths import image_length, linear
from zscope.judging.intervals import share_score
from zscope.runs.codes import read_codes
from zscope.runs.samplers import save_sampler
from zscope.study.encode import model_hash
from zscope.study.explore import Explored, Plane, journeys, open_exploration
from zscope.study.path import path_run


def test_a_set_is_held_against_the_rest(cloud):
    rows = list(range(40, 100))
    data = cloud.compare([*rows, rows[0]]).data  # a row that is named twice counts once
    json.dumps(data, allow_nan=False)
    assert (data["n"], data["of"]) == (60, 600)
    found = {one["column"]: one for one in data["rows"]}
    values = cloud.column("pc2").buffers["values"]
    inside = np.isin(np.arange(600), rows)
    expected = (values[inside].mean() - values[~inside].mean()) / values[~inside].std(ddof=1)
    assert found["pc2"]["difference"] == pytest.approx(expected, rel=1e-6)
    assert found["pc2"]["kind"] == "number"
    share = found["letter=a"]
    interval = share_score(np.arange(60) % 2 == 0)
    assert (share["set"], share["set_low"], share["set_high"]) == (interval.value, interval.low, interval.high)
    assert share["difference"] == share["set"] - share["rest"] == 0
    # the first ten have no quarter, and are in neither share
    assert found["quarter=1"]["rest"] == pytest.approx(
        np.mean(np.arange(600)[~inside & (np.arange(600) >= 10)] % 4 == 1)
    )
    sizes = [abs(one["difference"]) for one in data["rows"] if one["kind"] == "number"]
    assert sizes == sorted(sizes, reverse=True)
    assert "have no p-values here" in data["says"]


def test_a_set_must_leave_something_to_compare_with(cloud):
    with pytest.raises(ParameterError, match="rows must name at least one code"):
        cloud.compare([])
    with pytest.raises(ParameterError, match=r"rows must leave some codes out, .* got all 600"):
        cloud.compare(range(600))
    with pytest.raises(ParameterError, match="rows must be from 0 to 599, got -1"):
        cloud.compare([-1])


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_exported_table_is_read_as_the_same_codes(cloud, vae, format, tmp_path):
    for explored in (cloud, vae):
        rows = [3, 17, 99]
        answer = explored.export([17, 3, 99, 3], format)
        path = tmp_path / answer.data["filename"]
        path.write_bytes(answer.buffers["bytes"].tobytes())
        stored = read_codes(path)
        np.testing.assert_array_equal(stored.mean.astype(np.float32), explored.opened.codes[rows])
        assert stored.labels["row"].to_pylist() == rows
        # CSV knows no types: ids that look like numbers come back as such
        ids = [int(explored.opened.ids[row]) for row in rows]
        assert [int(one) for one in stored.labels["id"].to_pylist()] == ids
        again = Explored.of_codes(path)
        assert again.opened.d == explored.opened.d
    assert stored.labels["digit"].to_pylist() == vae.opened.points["digit"].take(rows).to_pylist()


def test_an_exported_array_holds_the_codes(vae):
    answer = vae.export([5, 4], "npy")
    assert answer.data["filename"] == "vae-2-codes.npy"
    assert answer.buffers["bytes"].dtype == np.uint8
    array = np.load(io.BytesIO(answer.buffers["bytes"].tobytes()))
    np.testing.assert_array_equal(array, vae.opened.codes[[4, 5]])
    with pytest.raises(ParameterError, match="format must be one of csv, parquet, npy, got exe"):
        vae.export([0], "exe")


@pytest.mark.parametrize("how", ["linear", "spherical", "graph"])
def test_paths_are_those_of_the_command(vae, how, plane):
    answer = vae.path(3, 40, how, 6, plane)
    strips = path_run(
        vae.opened.run, vae.opened.latents, "3", "40", how=[how], steps=6, device="cpu", log=lambda line: None
    )
    expected = strips.strips[0]
    np.testing.assert_array_equal(answer.buffers["codes"], expected.codes)
    np.testing.assert_array_equal(answer.buffers["images"], expected.images)
    assert answer.data["latent_length"] == expected.latent_length
    assert answer.data["image_length"] == pytest.approx(expected.image_length)
    assert answer.data["worst"] == expected.worst
    axes = vae.opened.axes
    np.testing.assert_allclose(answer.buffers["x"], (expected.codes - axes.centre) @ axes.components[0], atol=1e-6)
    assert vae.path(3, 40, how, 6, Plane("radius", "kl")).buffers.keys() == {"codes", "images"}


def test_a_geodesic_is_no_longer_than_the_straight_line(vae):
    codes = vae.opened.codes
    straight = image_length(vae.opened.model.decode, linear(codes[3], codes[40], 5).curve).value
    answer = vae.path(3, 40, "geodesic", 5)
    assert answer.data["image_length"] <= straight * 1.01
    assert any("It began as the" in line for line in answer.data["says"])


def test_paths_through_codes_without_a_model(cloud, plane, monkeypatch):
    monkeypatch.setattr(journeys, "MOST_NODES", 300)
    answer = cloud.path(0, 9, "graph", 5, plane)
    assert answer.buffers.keys() == {"codes", "x", "y"}
    assert answer.data["image_length"] is None
    assert answer.data["says"][0] == "The neighbour graph has 300 of 598 training codes, chosen at random."
    with pytest.raises(CodesError, match="this path is found by decoding, and there is no model"):
        cloud.path(0, 9, "geodesic")
    for arguments, message in (
        ((0, 0), "end must be another row than start, got 0"),
        ((0, 600), "end must be a whole number from 0 to 599, got 600"),
        ((0, 1, "wormhole"), "how must be one of linear, spherical, graph, geodesic, got wormhole"),
        ((0, 1, "linear", 1), "steps must be a whole number from 2 to 48, got 1"),
    ):
        with pytest.raises(ParameterError, match=message):
            cloud.path(*arguments)


def test_samplers_of_a_vae_learn_from_one_draw_of_each_posterior(vae, plane):
    opened = vae.opened
    drawn = posterior_draws(opened.codes[opened.train], opened.latents.logvar(opened.train))
    expected = cloud_of("covariance").fit(drawn).draw(10, np.random.default_rng(2))
    answer = vae.draw("covariance", 10, 2, plane)
    np.testing.assert_allclose(answer.buffers["codes"], expected, atol=1e-6)
    np.testing.assert_array_equal(answer.buffers["images"], opened.model.decode_all(answer.buffers["codes"]))
    np.testing.assert_allclose(
        answer.buffers["y"], (expected - opened.axes.centre) @ opened.axes.components[1], atol=1e-5
    )
    assert (answer.data["placed"], answer.data["keeps"]) == (True, "mean and covariance")
    learnt = f"fitted to {len(opened.train)} codes, one draw of each posterior."
    assert answer.data["says"] == f"10 codes drawn from mean and covariance, {learnt}"
    again = vae.draw("covariance", 10, 2, Plane("tsne.standard.x", "tsne.standard.y"))
    assert again.data["placed"] is False
    assert "Only stored codes have a place in tsne.standard.x" in again.data["says"]


def test_samplers_of_codes_alone(cloud, plane):
    answer = cloud.draw("axes-empirical", 5, 0, plane)
    assert answer.buffers.keys() == {"codes", "x", "y"}
    for arguments, message in (
        (("gauss",), "sampler must be one of uniform"),
        (("mixture:100000",), "sampler must be one of uniform"),
        (("flow",), "sampler must be one of uniform"),
        (("recommended",), r"sampler must be another one: none is kept"),
        (("normal", 257), "n must be a whole number from 1 to 256, got 257"),
        (("normal", 5, -1), "seed must be a whole number from 0"),
    ):
        with pytest.raises(ParameterError, match=message):
            cloud.draw(*arguments)


def test_the_kept_sampler_is_drawn_from(home, vae, tmp_path):
    copytree(home / "vae", tmp_path / "vae")
    item = cloud_of("mixture:2").fit(vae.opened.codes)
    about = {"model": model_hash(vae.opened.run), "sampler": "mixture:2"}
    save_sampler(tmp_path / "vae" / "sampler.safetensors", item, about)
    explored = open_exploration([tmp_path / "vae"]).run("0")
    said = explored.about("0")
    assert said["recommended"] == "mixture:2"
    assert said["samplers"][-1]["name"] == "mixture:2"
    expected = item.draw(4, np.random.default_rng(1))
    for name in ("recommended", "mixture:2"):
        np.testing.assert_array_equal(explored.draw(name, 4, 1).buffers["codes"], expected)
