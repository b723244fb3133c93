"""Lists in a study file become runs: every combination once, under a name that says which."""

from itertools import product

import pytest

from zscope.errors import FormatError, ParameterError
from zscope.study.expansion import MOST_RUNS, expanded
from zscope.study.spec import SHORT_LADDER, Sampling, StudySpec, read_spec


def spec(**content):
    return StudySpec.model_validate({"name": "x", "source": "digits", **content})


def test_all_combinations_of_lists_and_seeds():
    requests = expanded("vae", {"model": "vae", "fact": ["1e-5", 0.1, 5], "seeds": 3, "z_dim": [16, 64]})
    wanted = list(product((1e-5, 0.1, 5.0), (16, 64), (0, 1, 2)))
    assert [(one.fact, one.z_dim, one.seed) for one in requests.values()] == wanted
    words = {1e-5: "1e-5", 0.1: "0.1", 5.0: "5"}
    assert list(requests) == [f"vae-fact{words[fact]}-z{z}-s{seed}" for fact, z, seed in wanted]
    assert {one.model for one in requests.values()} == {"vae"}


def test_an_entry_without_lists_is_one_run_of_its_name():
    assert list(expanded("ae", {"filters": [8, 16]})) == ["ae"]
    assert expanded("ae", {"filters": [8, 16]})["ae"].filters == (8, 16)


def test_names_are_readable_whatever_varies():
    options = {"filters": [[8], [8, 16]], "batch_norm": [True], "likelihood": ["gaussian"], "eps_clip": [None, 5]}
    assert list(expanded("ae", options)) == [
        f"ae-filters{filters}-batch-norm-on-likelihood-gaussian-eps-clip{clip}"
        for filters in ("8", "8x16")
        for clip in ("-none", "5")
    ]


def test_options_with_options_of_their_own_are_named_by_their_values():
    schedules = ["constant", {"name": "linear", "over": 0.5}]
    assert list(expanded("vae", {"model": "vae", "kl_schedule": schedules})) == [
        "vae-kl-schedule-constant",
        "vae-kl-schedule-linear-0.5",
    ]


def test_seeds_are_counted_from_the_seed_or_listed():
    assert [one.seed for one in expanded("a", {"seed": 10, "seeds": 2}).values()] == [10, 11]
    assert list(expanded("a", {"seeds": [7, 3], "z_dim": [2]})) == ["a-z2-s7", "a-z2-s3"]
    assert list(expanded("a", {"seed": [1, 2], "z_dim": [2]})) == ["a-z2-s1", "a-z2-s2"]


def test_shared_lists_expand_every_entry_and_the_command_line_replaces_them():
    study = spec(train={"seeds": 2}, runs={"ae": None, "vae": {"model": "vae", "beta": [1, 2]}})
    names = ["ae-s0", "ae-s1", "vae-beta1-s0", "vae-beta1-s1", "vae-beta2-s0", "vae-beta2-s1"]
    assert list(study.requests()) == names
    assert list(study.requests(seed=4)) == ["ae", "vae-beta1", "vae-beta2"]
    assert {one.seed for one in study.requests(seed=4).values()} == {4}
    assert {one.epochs for one in study.requests(epochs=3).values()} == {3}


def test_samplers_are_scored_where_a_weight_is_swept_or_when_asked_for():
    swept, two = (spec(runs={"vae": {"model": "vae", "beta": weights}}) for weights in ([1, 2, 3], [1, 2]))
    assert swept.ladder(swept.requests()) == SHORT_LADDER
    assert two.ladder(two.requests()) == ()
    for ladder in ((), ("kde",)):
        asked = swept.model_copy(update={"sample": Sampling(ladder=ladder)})
        assert asked.ladder(asked.requests()) == ladder


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"ae": {"fact": [1, 2]}}, r"runs\.ae\.fact must be left out for an AE, which has no KL .*, got \[1, 2\]"),
        ({"ae": {"seeds": 0}}, r"runs\.ae\.seeds must be a whole number of at least 1, or a list of seeds, got 0"),
        ({"ae": {"seeds": -2}}, "at least 1"),
        ({"ae": {"seeds": True}}, "whole number"),
        ({"ae": {"seeds": "two"}}, "whole number"),
        ({"ae": {"seeds": []}}, "hold at least one value, got an empty list"),
        ({"ae": {"seeds": [1, 1]}}, "hold every value once, got two runs ae-s1"),
        ({"ae": {"seeds": [-1]}}, r"runs\.ae\.seed must be greater than or equal to 0"),
        ({"ae": {"seeds": [1], "seed": 2}}, r"runs\.ae\.seeds must be a number where seed is given"),
        ({"ae": {"seeds": 2, "seed": [1]}}, r"runs\.ae\.seed must be one number where seeds is given"),
        ({"ae": {"z_dim": []}}, r"runs\.ae\.z_dim must hold at least one value"),
        ({"ae": {"z_dim": [4, 0]}}, r"runs\.ae\.z_dim must be greater than or equal to 1, got 0"),
        ({"ae": {"device": ["cpu", "cuda"]}}, r"runs\.ae\.device must be one value: it changes nothing"),
        ({"ae": {"keep_every": [1, 2]}}, r"runs\.ae\.keep_every must be one value"),
        ({"vae": {"model": "vae", "beta": [1, -1]}}, r"runs\.vae\.beta must be a finite number of at least 0, got -1"),
        ({"ae": {"z_dim": list(range(1, 16)), "seeds": 20}}, r"at most 200 runs, got 15 × 20 = 300"),
        ({"a": {"seeds": 120}, "b": {"seeds": 120}}, r"runs must expand to at most 200 runs, got 240"),
        ({"ae": {"z_dim": [16]}, "ae-z16": {}}, r"runs\.ae-z16 must expand to names of its own, got ae-z16"),
    ],
)
def test_what_cannot_be_expanded_is_one_line(runs, message):
    with pytest.raises(ParameterError, match=message) as caught:
        spec(runs=runs).requests()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["measure: {draws: [1, 2]}", "images: {held_out: [0.1, 0.2]}", "sample: {n: [1]}"])
def test_lists_where_nothing_varies_are_refused_with_the_key(tmp_path, line):
    file = tmp_path / "study.yaml"
    file.write_text(f"name: x\nsource: digits\nruns: {{a: {{}}}}\n{line}\n")
    with pytest.raises(FormatError, match=line.partition(":")[0]):
        read_spec(file)


def test_the_bound_itself_is_allowed():
    assert len(expanded("a", {"seeds": MOST_RUNS})) == MOST_RUNS
