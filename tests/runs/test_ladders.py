"""Ladders on disk: what was written comes back for the same settings alone, and damage is told in one line."""

import json

import numpy as np
import pytest

from zscope.errors import FormatError
from zscope.runs.ladders import Rung, labelled_sampler, read_ladder, read_rung, shown_images, write_ladder, write_rung

SCORE = {"value": 2.0, "low": 1.5, "high": 2.5}
ABOUT = {"n": 100, "seed": 0}


def made(sampler="mixture:2"):
    rng = np.random.default_rng(0)
    return Rung(
        sampler,
        "mixture of 2 Gaussians",
        "two groups",
        {"fd": SCORE},
        rng.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8),
        rng.standard_normal((100, 3)).astype(np.float32),
        rng.random(100) < 0.5,
        {"radius": rng.random(100)},
    )


def content(**changes):
    whole = {
        "n": 100,
        "n_references": 90,
        "codes": 500,
        "rungs": [{"sampler": "axes", "label": "axes", "keeps": "axes", "fd": SCORE}],
        "left_out": [],
        "reference": {name: {"fd": SCORE} for name in ("held_out", "reconstructions", "noise")},
        "steps": [],
        "says": "…",
        "recommended": None,
        "why": "…",
        "where": [],
        "where_n": {},
        "about": {"model": "m"},
    }
    return {**whole, **changes}


def test_a_rung_comes_back_as_it_was(tmp_path):
    rung = made()
    write_rung(tmp_path, rung, ABOUT)
    again = read_rung(tmp_path, "mixture:2", ABOUT)
    assert (
        again.as_json()
        == rung.as_json()
        == {
            "sampler": "mixture:2",
            "label": "mixture of 2 Gaussians",
            "keeps": "two groups",
            "fd": SCORE,
        }
    )
    for name in ("images", "codes", "meaningful"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rung, name))
    np.testing.assert_array_equal(again.predictors["radius"], rung.predictors["radius"])
    np.testing.assert_array_equal(shown_images(tmp_path, "mixture:2"), rung.images)


def test_a_rung_of_other_settings_does_not_count(tmp_path):
    write_rung(tmp_path, made(), ABOUT)
    assert read_rung(tmp_path, "mixture:2", {**ABOUT, "n": 200}) is None
    assert read_rung(tmp_path, "axes", ABOUT) is None


def test_a_damaged_rung_is_scored_again(tmp_path):
    write_rung(tmp_path, made(), ABOUT)
    assert read_rung(tmp_path, "mixture:2", ABOUT) is not None
    (tmp_path / "mixture-2" / "codes.npy").write_bytes(b"\x93NUMPY")
    assert read_rung(tmp_path, "mixture:2", ABOUT) is None
    np.save(tmp_path / "mixture-2" / "images.npy", np.zeros(3))
    with pytest.raises(FormatError, match="must be uint8 images"):
        shown_images(tmp_path, "mixture:2")


def test_a_ladder_comes_back_and_lacks_no_part(tmp_path):
    path = tmp_path / "ladder.json"
    assert read_ladder(path) == {}
    write_ladder(path, content())
    assert json.loads(path.read_text())["format"] == "zscope-ladder"
    assert read_ladder(path)["rungs"][0]["fd"] == SCORE
    write_ladder(path, content(rungs=[{"sampler": "axes", "label": "", "keeps": "", "fd": {"value": 1.0}}]))
    with pytest.raises(FormatError, match="axes must hold 'low'"):
        read_ladder(path)
    write_ladder(path, content(reference={}))
    with pytest.raises(FormatError, match="reference must hold 'held_out'"):
        read_ladder(path)


def test_names_of_labels_make_file_names():
    assert labelled_sampler("digit") == "sampler-digit.safetensors"
    assert labelled_sampler("hair/colour ä") == "sampler-hair-colour-ä.safetensors"
