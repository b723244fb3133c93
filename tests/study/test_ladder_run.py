"""The ladder from end to end on a small run of digits: scores, taking up where it stopped, and the sampler it keeps."""

import json
import os
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from zscope.cli.main import run as zscope
from zscope.clouds import cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import CodesError, FormatError, ParameterError
from zscope.generation.sampling import fitted, sample_clouds, with_prior
from zscope.models import Autoencoder
from zscope.runs.ladders import read_ladder
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.runs.samplers import load_sampler, sampler_about
from zscope.study.encode import model_hash
from zscope.study.ladder import LadderSettings, judge_of, ladder_run
from zscope.study.load import load_run
from zscope.study.sample import LabelChoice, label_values, sample_run

SAMPLERS = ("normal", "covariance", "mixture:2")
TRAIN = ["--epochs", "25", "--limit", "900", "--z-dim", "6", "--device", "cpu"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run with its ladder, made by the command; and what the command printed."""
    folder = tmp_path_factory.mktemp("ladder")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert zscope(["train", "digits", *TRAIN, "--model", "vae", "--beta", "0.01", "--out", "made", "--quiet"]) == 0
        words = [word for name in SAMPLERS for word in ("--sampler", name)]
        assert zscope(["sample", "made", "--ladder", *words, "--label", "digit", "--quiet", "--device", "cpu"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def opened(home, monkeypatch):
    monkeypatch.chdir(home)
    run = Run.open(home / "made")
    return run, Latents.open(run.latents)


def quietly(line):
    """Take a line for people, and drop it."""


def settings(*samplers, **changes):
    return LadderSettings(samplers=samplers or SAMPLERS, **changes)


def test_ladder_json_holds_every_score_with_its_interval(home):
    content = read_ladder(home / "made" / "ladder.json")
    assert [rung["sampler"] for rung in content["rungs"]] == list(SAMPLERS)
    assert content["n"] == content["n_references"] == 90  # as many as are held out
    for scores in (*content["rungs"], *content["reference"].values()):
        for name in (
            "fd",
            "fd_reconstructions",
            "fd_random",
            "density",
            "coverage",
            "two_sample",
            "meaningful",
            "memorised",
        ):
            assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"], name
    for rung in content["rungs"]:
        assert {"cycle", "nearest_code", "meaningful_of_reconstructions"} <= rung.keys()
    by = {rung["sampler"]: rung["fd"]["value"] for rung in content["rungs"]}
    reference = {name: scores["fd"]["value"] for name, scores in content["reference"].items()}
    assert reference["held_out"] < reference["reconstructions"] < by["covariance"] < reference["noise"]
    assert content["n_decoded"] == content["codes"] == 810  # all of them
    assert {step["to"] for step in content["steps_by_reconstructions"]} == {"covariance", "mixture:2"}
    assert content["recommended"] in SAMPLERS
    assert content["saved"] == ["sampler.safetensors", "sampler-digit.safetensors"]
    assert (home / "made" / "ladder.png").exists()


def test_the_kept_sampler_draws_the_images_that_were_scored(home):
    """The same cloud, generator and decoder give the rung's own images."""
    content = read_ladder(home / "made" / "ladder.json")
    model = Autoencoder.from_pretrained(home / "made")
    assert model.sample(9, seed=0).dtype == np.uint8
    spec = content["recommended"]
    own = np.random.default_rng([0, crc32(spec.encode())])
    drawn = model.decode_all(load_sampler(home / "made" / "sampler.safetensors").draw(90, own))
    folder = home / "made" / "ladder" / spec.replace(":", "-")
    kept = np.load(folder / "images.npy")
    assert np.abs(drawn[: len(kept)].astype(int) - kept).max() <= 1  # another batch may round otherwise
    np.testing.assert_array_equal(model.sample(5, seed=3), model.sample(5, seed=3))
    assert (model.sample(5, seed=3) != model.sample(5, seed=4)).any()
    assert sampler_about(home / "made" / "sampler.safetensors")["model"] == model_hash(Run.open(home / "made"))


def test_a_labelled_sampler_draws_near_the_codes_of_its_label(home, opened):
    """The mean of 400 codes of a digit is nearer to that digit's codes than to any other digit's."""
    _, latents = opened
    sampler = load_sampler(home / "made" / "sampler-digit.safetensors")
    assert isinstance(sampler, ConditionalCloud)
    rows = latents.split("train")
    values, codes = label_values(latents, "digit")[rows], latents.mean(rows)
    means = {value: codes[values == value].mean(0) for value in np.unique(values)}
    for value in ("0", "1"):
        mean = sampler.draw(400, np.random.default_rng(0), value).mean(0)
        assert min(means, key=lambda name: float(np.linalg.norm(mean - means[name]))) == value
    assert Autoencoder.from_pretrained(home / "made").sample(4, label="digit=1").shape == (4, 8, 8, 1)


def test_wrong_labels_and_missing_samplers_are_told(home, tmp_path):
    model = Autoencoder.from_pretrained(home / "made")
    with pytest.raises(ParameterError, match="label must be COLUMN=VALUE, got 7"):
        model.sample(2, label="7")
    with pytest.raises(ParameterError, match="label must be one of 0, 1"):
        model.sample(2, label="digit=eleven")
    with pytest.raises(FormatError, match=r"holds no sampler-hat\.safetensors: zscope sample .* --ladder --label hat"):
        model.sample(2, label="hat=bowler")
    with pytest.raises(ParameterError, match="n must be at least 1"):
        model.sample(0)
    model.save_pretrained(tmp_path / "alone")
    with pytest.raises(FormatError, match=r"holds no sampler\.safetensors: zscope sample"):
        Autoencoder.from_pretrained(tmp_path / "alone").sample(2)
    with pytest.raises(FormatError, match="not read from a run: zscope sample RUN --ladder makes one"):
        Autoencoder(model.config).sample(2)


def test_rungs_that_were_scored_are_taken_over_and_others_are_not(opened):
    run, latents = opened
    before = read_ladder(run.path / "ladder.json")
    lines = []
    content = ladder_run(run, latents, settings(*SAMPLERS, "axes"), device="cpu", log=lines.append)
    assert [line.partition(":")[0] for line in lines if line.endswith("(scored before)")] == [
        "normal",
        "covariance",
        "mixture",
    ]
    assert content["rungs"][:3] == before["rungs"]
    assert [line for line in lines if line.startswith("axes: FD ") and "before" not in line]
    other = ladder_run(run, latents, settings("normal", seed=1), device="cpu", log=lines.append)
    assert other["rungs"][0]["fd"] != before["rungs"][0]["fd"]


def test_a_sampler_that_cannot_be_fitted_is_left_out_and_named(opened, tmp_path):
    run, latents = opened
    lines = []
    content = ladder_run(
        run, latents, settings("covariance", "mixture:500"), folder=tmp_path, device="cpu", log=lines.append
    )
    assert [rung["sampler"] for rung in content["rungs"]] == ["covariance"]
    assert content["left_out"][0]["sampler"] == "mixture:500"
    assert "1000 codes" in content["left_out"][0]["why"]
    assert any(line.startswith("mixture:500 is left out: ") for line in lines)
    with pytest.raises(CodesError, match="none of the samplers can be fitted to its 810 codes"):
        ladder_run(run, latents, settings("mixture:500"), folder=tmp_path / "other", device="cpu", log=lines.append)


def test_draws_of_the_posteriors_are_nearest_to_what_the_decoder_makes_of_them(opened, tmp_path):
    """Reconstructions of training images are decoded draws of a VAE's posteriors: `posterior` draws others of these."""
    run, latents = opened
    content = ladder_run(run, latents, settings("covariance", "posterior"), folder=tmp_path, device="cpu", log=quietly)
    by = {rung["sampler"]: rung["fd_reconstructions"] for rung in content["rungs"]}
    assert by["posterior"]["high"] < by["covariance"]["low"]
    real = content["reference"]["held_out"]
    assert by["posterior"]["value"] < 3 * real["fd"]["value"]  # as held-out images are to real ones: by their number
    assert real["fd_reconstructions"]["low"] > by["posterior"]["high"]  # what the decoder loses


def test_a_labelled_sampler_of_another_ladder_is_removed_and_one_of_this_stays(opened, tmp_path):
    run, latents = opened

    def ladder(*samplers, **changes):
        lines = []
        given = settings(*samplers, **changes)
        return ladder_run(run, latents, given, folder=tmp_path, device="cpu", log=lines.append), lines

    kept = tmp_path / "sampler-digit.safetensors"
    ladder("normal", label="digit")
    (tmp_path / "sampler-mine.safetensors").write_bytes(b"not zscope's")
    content, lines = ladder("normal", n=80)  # other images, the same sampler
    assert content["saved"] == ["sampler.safetensors", "sampler-digit.safetensors"]
    assert kept.exists()
    content, lines = ladder("normal", "mixture:2", n=80)
    assert (content["recommended"], content["saved"]) == ("mixture:2", ["sampler.safetensors"])
    assert not kept.exists()
    assert f"{kept} is removed: it was of another ladder; --ladder --label digit makes a new one" in lines
    assert (tmp_path / "sampler-mine.safetensors").exists()


def test_rungs_that_were_scored_before_stay_in_the_ladder(opened, tmp_path):
    run, latents = opened
    ladder_run(run, latents, settings("axes", "covariance"), folder=tmp_path, device="cpu", log=quietly)
    more = ladder_run(run, latents, settings("normal"), folder=tmp_path, device="cpu", log=quietly)
    assert [rung["sampler"] for rung in more["rungs"]] == ["normal", "axes", "covariance"]
    alone = ladder_run(run, latents, settings("normal"), folder=tmp_path, device="cpu", force=True, log=quietly)
    assert [rung["sampler"] for rung in alone["rungs"]] == ["normal"]


def test_more_images_than_are_held_out_are_refused(opened, tmp_path):
    run, latents = opened
    with pytest.raises(ParameterError, match="n must be at most 90, the held-out images by which scores are read"):
        ladder_run(run, latents, LadderSettings(n=91), folder=tmp_path, device="cpu", log=quietly)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 20}, "n must be at least 50 for a ladder, got 20"),
        ({"samplers": ()}, "samplers must be at least one"),
        ({"samplers": ("gaussian",)}, "cloud must be one of normal"),
        ({"label": "hat"}, "label must be one of digit, got hat"),
    ],
)
def test_bad_settings_are_told_before_any_work(opened, changes, message):
    run, latents = opened
    with pytest.raises(ParameterError, match=message):
        ladder_run(run, latents, LadderSettings(**changes), log=lambda line: None)


def test_without_held_out_images_nobody_can_judge(opened):
    run, latents = opened
    points = latents.points.set_column(latents.points.column_names.index("split"), "split", [["train"] * len(latents)])
    with pytest.raises(CodesError, match="a judge needs at least 50 held-out images, and the run has 0"):
        judge_of(run, Latents(latents.path, latents.manifest, points), None)


def test_a_ladder_of_another_model_is_not_shown(opened):
    run, _ = opened
    assert load_run(run).ladder.content["n"] == 90
    path = run.path / "ladder.json"
    whole = path.read_text()
    content = json.loads(whole)
    content["about"]["model"] = "another"
    try:
        path.write_text(json.dumps(content))
        assert load_run(run).ladder is None
    finally:
        path.write_text(whole)


def test_a_damaged_ladder_stops_no_other_samples(opened, capsys):
    run, _ = opened
    path = run.path / "ladder.json"
    whole = path.read_text()
    words = ["sample", "made", "--sampler", "normal", "--quiet", "--device", "cpu", "--force"]
    try:
        path.write_text(whole[:100])
        assert zscope([*words, "-n", "2", "--out", "two.png"]) == 0
    finally:
        path.write_text(whole)
    assert Path("two.png").exists()
    assert zscope([*words, "-n", "9" * 20, "--out", "many.png"]) == 2
    assert "n must be at least 1 and at most 1,000,000, got 99999999999999999999" in capsys.readouterr().err


def test_commands_around_the_ladder(opened, capsys):
    run, _ = opened
    quiet = ["--quiet", "--device", "cpu"]
    assert zscope(["sample", "made", "--ladder", *[w for s in SAMPLERS for w in ("--sampler", s)], *quiet]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split()[:2] == ["sampler", "FD"]
    chosen = read_ladder(run.path / "ladder.json")["recommended"]
    assert any(line.startswith(f"{chosen} *") for line in out)
    assert zscope(["sample", "made", "--sampler", "recommended", "-n", "3", "--out", "best.png", *quiet]) == 0
    assert Path("best.png").exists()
    assert zscope(["report", "made", "--quiet"]) == 0
    page = (run.path / "report.html").read_text()
    assert "Which random codes decode well" in page
    assert "Scores of every sampler" in page
    assert zscope(["sample", "made", "--ladder", "-n", "10", *quiet]) == 2
    assert zscope(["sample", "made", "--ladder", "--out", "ladder.png", *quiet]) == 2
    assert zscope(["sample", "made", "--ladder", "--eps-factor", "0.5", *quiet]) == 2


def test_samples_of_one_label_and_of_every_label(opened, capsys, tmp_path):
    run, latents = opened
    sample_run(run, latents, folder=tmp_path / "one", clouds=["axes"], n=2, label=LabelChoice("digit", "3"))
    sample_run(run, latents, folder=tmp_path / "all", clouds=["axes"], n=2, label=LabelChoice("digit"))
    one, every = (load_run(run, samples=tmp_path / name).samples for name in ("one", "all"))
    assert one[0].spec == "axes[digit=3]"
    assert one[0].label == f"{cloud('axes').label}, digit 3"
    assert [sample.spec for sample in every] == [f"axes[digit={digit}]" for digit in range(10)]
    np.testing.assert_array_equal(every[3].images, one[0].images)
    with pytest.raises(ParameterError, match="label must have a value that training codes have"):
        sample_run(run, latents, folder=tmp_path / "no", clouds=["axes"], label=LabelChoice("digit", "12"))
    with pytest.raises(ParameterError, match="label must be COLUMN or COLUMN=VALUE"):
        LabelChoice.parse("digit=")


def test_noise_factor_scales_the_noise_of_the_posteriors(opened, tmp_path):
    run, latents = opened
    codes = {}
    for factor in (0.0, 0.5, 1.0):
        sample_run(run, latents, folder=tmp_path / str(factor), clouds=["posterior"], n=300, eps_factor=factor)
        codes[factor] = np.load(tmp_path / str(factor) / "posterior-codes.npy")
    means = latents.mean(latents.split("train"))
    assert all((means == code).all(1).any() for code in codes[0.0][:20])  # no noise: the training codes themselves
    np.testing.assert_allclose(codes[0.5] - codes[0.0], (codes[1.0] - codes[0.0]) / 2, atol=1e-5)
    with pytest.raises(ParameterError, match="eps_factor must be left out, or --sampler be one that learns from codes"):
        sample_run(run, latents, folder=tmp_path / "no", clouds=["normal", "uniform:3"], eps_factor=0.5)
    with pytest.raises(ParameterError, match="eps_factor must be at least 0 and finite"):
        sample_run(run, latents, folder=tmp_path / "no", clouds=["posterior"], eps_factor=-1)


@pytest.fixture(scope="module")
def vamp(home):
    before = Path.cwd()
    os.chdir(home)
    try:
        short = ["--epochs", "8", *TRAIN[2:], "--quiet", "--out", "vamp"]
        assert zscope(["train", "digits", *short, "--model", "vae", "--beta", "0.1", "--prior", "vamp:inputs=7"]) == 0
        assert zscope(["sample", "vamp", "--ladder", "--sampler", "normal", "--quiet", "--device", "cpu"]) == 0
    finally:
        os.chdir(before)
    return home / "vamp"


class TestPrior:
    """A model whose prior is a mixture that it learnt."""

    def test_the_ladder_scores_it_beside_n_0_i(self, vamp):
        content = read_ladder(vamp / "ladder.json")
        assert [rung["sampler"] for rung in content["rungs"]] == ["normal", "prior"]
        assert content["rungs"][1]["label"] == "the model's prior, of 7 components"
        # Every code lies about a component, and N(0, I) does not know where these are.
        mean, _ = Autoencoder.from_pretrained(vamp).prior_components()
        nearest = {
            name: np.linalg.norm(np.load(vamp / "ladder" / name / "codes.npy")[:, None] - mean, axis=2).min(1).mean()
            for name in ("normal", "prior")
        }
        assert nearest["prior"] < nearest["normal"]

    def test_samples_have_it_where_none_was_named(self, vamp, monkeypatch):
        monkeypatch.chdir(vamp.parent)
        run = Run.open(vamp)
        sample_run(run, Latents.open(run.latents), n=2, device="cpu", log=quietly)
        assert [sample.spec for sample in load_run(run).samples][:3] == ["normal", "prior", "uniform:2"]

    def test_it_knows_of_no_label(self, vamp, monkeypatch, tmp_path):
        monkeypatch.chdir(vamp.parent)
        run = Run.open(vamp)
        latents = Latents.open(run.latents)
        with pytest.raises(ParameterError, match="sampler must be another one with a label"):
            sample_run(run, latents, clouds=["prior"], n=2, folder=tmp_path / "s", label=LabelChoice("digit"))
        sample_run(run, latents, n=1, folder=tmp_path / "s", label=LabelChoice("digit", "3"), device="cpu", log=quietly)
        assert not any("prior" in sample.spec for sample in load_run(run, samples=tmp_path / "s").samples)
        with pytest.raises(ParameterError, match="cloud must be another one for labels"):
            ConditionalCloud("prior")

    def test_a_ladder_with_a_label_goes_without_it(self, vamp, monkeypatch, tmp_path):
        monkeypatch.chdir(vamp.parent)
        run, lines = Run.open(vamp), []
        asked = settings("prior", "covariance", label="digit")
        content = ladder_run(run, Latents.open(run.latents), asked, folder=tmp_path, device="cpu", log=lines.append)
        assert [rung["sampler"] for rung in content["rungs"]] == ["covariance"]
        assert content["left_out"][0]["sampler"] == "prior"
        assert content["saved"] == ["sampler.safetensors", "sampler-digit.safetensors"]
        assert any(line.startswith("prior is left out: it knows of no label") for line in lines)

    def test_it_is_kept_where_it_is_recommended(self, vamp, monkeypatch, tmp_path):
        monkeypatch.chdir(vamp.parent)
        run = Run.open(vamp)
        ladder_run(run, Latents.open(run.latents), settings("prior"), folder=tmp_path, device="cpu", log=quietly)
        drawn = load_sampler(tmp_path / "sampler.safetensors").draw(400, np.random.default_rng(0))
        mean, logvar = Autoencoder.from_pretrained(vamp).prior_components()
        allowed = 5 * drawn.std(0) / 20
        assert np.all(np.abs(drawn.mean(0) - mean.mean(0)) < allowed + 5 * np.exp(logvar / 2).max() / 20)

    def test_others_have_none_or_n_0_i(self, home, opened, tmp_path):
        run, latents = opened
        assert [sample.spec for sample in load_run(run).samples if sample.spec == "prior"] == []
        sample_run(run, latents, clouds=["prior"], n=300, folder=tmp_path / "s", device="cpu", log=quietly)
        (drawn,) = load_run(run, samples=tmp_path / "s").samples
        assert drawn.label == "the model's prior"
        codes = latents.mean(latents.split("train"))
        with pytest.raises(
            CodesError, match="prior is read from a model that has one: codes alone have none, nor has an"
        ):
            fitted("prior", codes)
        with pytest.raises(CodesError, match="prior is read from a model"):
            sample_clouds(codes, None, ["prior"], 2, 0)


@pytest.mark.parametrize(
    ("specs", "named", "found"),
    [
        (("uniform", "normal", "axes"), "vamp", ["uniform", "normal", "prior", "axes"]),
        (("uniform", "normal"), "normal", ["uniform", "normal"]),
        (("axes",), "vamp", ["axes"]),
        (("prior", "normal"), "vamp", ["prior", "normal"]),
    ],
)
def test_a_prior_stands_behind_n_0_i(specs, named, found):
    assert with_prior(specs, named) == found
