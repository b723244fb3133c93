"""Saved clouds: what comes back is what was saved, and nothing else is read."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from zscope.clouds import CLOUDS, cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import CodesError, FormatError, ZscopeError
from zscope.runs.samplers import kept_labelled_sampler, kept_sampler, load_sampler, sampler_about, save_sampler

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("zscope.clouds.networks.MOST_STEPS", 4)


@pytest.fixture(scope="module")
def codes():
    return (RNG(0).standard_normal((120, 3)) @ RNG(1).standard_normal((3, 3))).astype(np.float32)


@pytest.mark.parametrize("name", CLOUDS)
def test_every_cloud_draws_the_same_after_saving(name, codes, tmp_path):
    made = cloud(name).fit(codes, np.full(codes.shape, -2.0))
    path = tmp_path / "sampler.safetensors"
    save_sampler(path, made, {"codes": 120, "label": "größer"})
    again = load_sampler(path)
    assert type(again) is type(made)
    assert (again.spec, again.label) == (made.spec, made.label)
    assert np.array_equal(again.draw(50, RNG(2)), made.draw(50, RNG(2)))
    assert sampler_about(path) == {"spec": made.spec, "codes": 120, "label": "größer"}
    assert [file.name for file in tmp_path.iterdir()] == ["sampler.safetensors"]


@pytest.mark.parametrize("labels", [["even", "odd"] * 60, [1, 2] * 60, [True, False] * 60])
def test_clouds_for_labels(labels, codes, tmp_path):
    made = ConditionalCloud("covariance").fit(codes, labels)
    save_sampler(tmp_path / "s.safetensors", made, {})
    again = load_sampler(tmp_path / "s.safetensors")
    assert isinstance(again, ConditionalCloud)
    assert again.values_ == made.values_
    assert list(map(type, again.values_)) == list(map(type, made.values_))
    assert np.array_equal(again.draw(50, RNG(2), labels[0]), made.draw(50, RNG(2), labels[0]))
    assert np.array_equal(again.draw(50, RNG(2)), made.draw(50, RNG(2)))


def test_a_file_that_is_there_is_replaced_when_the_new_one_is_whole(codes, tmp_path):
    path = tmp_path / "s.safetensors"
    save_sampler(path, cloud("axes").fit(codes), {})
    with pytest.raises(CodesError, match="must be fitted"):
        save_sampler(path, cloud("covariance"), {})
    assert load_sampler(path).spec == "axes"
    save_sampler(path, cloud("covariance").fit(codes), {})
    assert load_sampler(path).spec == "covariance"
    with pytest.raises(ZscopeError, match="cannot be written"):
        save_sampler(tmp_path / "none" / "s.safetensors", cloud("axes").fit(codes), {})


def test_what_is_kept_with_a_model_is_of_that_model_and_kind(codes, tmp_path):
    weights, path = tmp_path / "model.safetensors", tmp_path / "s.safetensors"
    weights.write_bytes(b"weights")
    about = {"model": hashlib.sha256(b"weights").hexdigest(), "label": "smile"}
    save_sampler(path, cloud("axes").fit(codes), about)
    assert kept_sampler(path, weights).spec == "axes"
    with pytest.raises(FormatError, match="must hold a sampler of each smile, got one of all codes"):
        kept_labelled_sampler(path, weights, "smile")
    save_sampler(path, ConditionalCloud("axes").fit(codes, ["a", "b"] * 60), about)
    assert kept_labelled_sampler(path, weights, "smile").values_ == ("a", "b")
    with pytest.raises(FormatError, match="must hold a sampler of all codes, got one of each label"):
        kept_sampler(path, weights)
    weights.write_bytes(b"others")
    with pytest.raises(FormatError, match=r"fitted to codes of another model: zscope sample .* --ladder makes it anew"):
        kept_sampler(path, weights)


def changed(path, codes, drop=(), **metadata):
    """Write a sampler by hand, with other metadata than it should have."""
    whole = {"format": "zscope-sampler", "version": "1", "spec": "axes", "about": "{}"} | metadata
    state = cloud("axes").fit(codes).state()
    save_file(
        {name: array for name, array in state.items() if name not in drop},
        path,
        metadata={key: value for key, value in whole.items() if key not in drop},
    )


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"format": "other"}, "must have the format 'zscope-sampler', got 'other'"),
        ({"drop": ["format"]}, "must have the format 'zscope-sampler', got None"),
        ({"version": "2"}, "written by a newer zscope: zscope-sampler must be of version 1 or less, got 2"),
        ({"version": "0"}, "must have a version from 1 to 1, got '0'"),
        ({"version": "one"}, "must have a version from 1 to 1, got 'one'"),
        ({"drop": ["spec"]}, "must hold 'spec'"),
        ({"spec": "gauss"}, "cloud must be one of"),
        ({"spec": "covariance"}, "must hold covariance_"),
        ({"drop": ["sd_"]}, "the state of the cloud axes must hold sd_, got"),
        ({"values": "{"}, "values must be a JSON list of labels"),
        ({"values": "[]"}, "values must be a JSON list of labels"),
        ({"values": json.dumps(["a", "b"])}, "must hold that many shares"),
    ],
)
def test_files_that_are_no_sampler(metadata, says, codes, tmp_path):
    path = tmp_path / "s.safetensors"
    changed(path, codes, **metadata)
    with pytest.raises(FormatError, match=says) as caught:
        load_sampler(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_about_that_is_no_object(codes, tmp_path):
    changed(tmp_path / "s.safetensors", codes, about="[1")
    with pytest.raises(FormatError, match="about must be a JSON object"):
        sampler_about(tmp_path / "s.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a sampler", b"\x80\x04K\x01.", b"\xff" * 200])
def test_foreign_files(content, tmp_path):
    path = tmp_path / "s.safetensors"
    path.write_bytes(content)
    for read in (load_sampler, sampler_about):
        with pytest.raises(FormatError, match="is not a readable safetensors file"):
            read(path)


def test_truncated_and_missing_files(codes, tmp_path):
    path = tmp_path / "s.safetensors"
    save_sampler(path, cloud("posterior").fit(codes), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="is not a readable safetensors file"):
        load_sampler(path)
    with pytest.raises(FormatError, match="expected a zscope-sampler file, got none"):
        load_sampler(tmp_path / "other.safetensors")
    with pytest.raises(FormatError, match="got none"):
        load_sampler(tmp_path)
