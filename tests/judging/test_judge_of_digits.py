"""The judge of small digits: what it says of real, spoilt, copied and drawn images, and how it is kept."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from zscope.clouds import cloud
from zscope.data import prepare
from zscope.errors import ExistsError, ParameterError
from zscope.judging import Recipe, judge_folder, judge_for
from zscope.judging.corruptions import CORRUPTIONS
from zscope.models.tensors import as_tensor, to_uint8

RECIPE = Recipe(passes=20)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare("digits", root=tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def rows(store):
    """Three quarters to train on, the rest held out: more than the store's own split has."""
    order = np.random.default_rng(0).permutation(len(store))
    return np.sort(order[:1347]), np.sort(order[1347:])


@pytest.fixture(scope="module")
def judge(store, rows):
    return judge_for(store, *rows, cache=judge_folder(store), recipe=RECIPE, device="cpu", log=lambda line: None)


@pytest.fixture(scope="module")
def held_out(store, rows):
    return np.asarray(store.images[rows[1]])


def spoilt(images, name):
    tensor = CORRUPTIONS[name](as_tensor(images, "cpu"), torch.Generator().manual_seed(0))
    return to_uint8(tensor.permute(0, 2, 3, 1).numpy())


def test_the_network_has_learnt_its_tasks(judge):
    assert judge.accuracy["label digit"] > 0.97
    assert judge.accuracy["corruption"] > 0.6
    assert judge.accuracy["content"] > 0.7


def test_95_percent_of_held_out_images_are_meaningful(judge, held_out):
    assert judge.meaningful(held_out).mean() == pytest.approx(0.95, abs=0.005)
    assert (judge.distance(held_out) <= 1).tolist() == judge.meaningful(held_out).tolist()


@pytest.mark.parametrize("name", ["noise", "blur", "shuffle", "clouds", "warp"])
def test_spoilt_images_are_not_meaningful(judge, held_out, name):
    assert judge.meaningful(spoilt(held_out, name)).mean() < 0.2


def test_held_out_images_score_as_images_drawn_alike(judge, held_out):
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, held_out.shape, dtype=np.uint8)
    best, worst, blurred = (judge.score(images, rng) for images in (held_out, noise, spoilt(held_out, "blur")))
    assert (best.n, best.real) == (450, 450)
    assert best.coverage.low <= best.expected_coverage <= best.coverage.high + 0.02
    assert best.density.value == pytest.approx(1, abs=0.25)
    assert best.two_sample.low <= best.chance_two_sample[1] + 0.05
    assert best.memorised.value == pytest.approx(0.05, abs=0.01)
    assert best.copies.value == pytest.approx(0.01, abs=0.01)
    for name, bound in {"fd": 20, "fd_random": 10}.items():
        assert worst.scores[name].low > bound * best.scores[name].high
    assert (worst.density.high, worst.coverage.value, worst.meaningful.value) == (0, 0, 0)
    assert worst.two_sample.value > 0.99
    assert best.fd.high < blurred.fd.low
    shown = worst.as_json()
    assert set(shown["fd"]) == {"value", "low", "high"}
    assert not {"fd_reconstructions", "cycle", "nearest_code"} & set(shown)
    json.dumps(shown, allow_nan=False)


def test_copies_of_training_images_are_found(judge, store, rows):
    scores = judge.score(np.asarray(store.images[rows[0][:200]]), np.random.default_rng(0))
    assert scores.copies.value == scores.memorised.value == scores.meaningful.value == 1


def test_a_judge_that_knows_reconstructions(judge, held_out):
    """Of the reconstructions themselves 95 % are as near as 95 % of the reconstructions."""
    blurred = spoilt(held_out, "blur")
    knowing = judge.with_reconstructions(blurred)
    scores = knowing.score(blurred, np.random.default_rng(0), nearest=np.full(450, 2.0), cycle=np.arange(450.0))
    assert scores.meaningful_of_reconstructions.value == pytest.approx(0.95, abs=0.005)
    assert scores.meaningful.value < 0.2
    assert (scores.nearest_code.low, scores.cycle.value) == (2, 224.5)
    assert "meaningful_of_reconstructions" not in judge.score(blurred, np.random.default_rng(0)).as_json()


def test_blur_of_the_decoder_does_not_count_against_its_reconstructions(judge, store, rows, held_out):
    """The reconstructions themselves are at no distance, and unseen ones as far as unseen images are from real ones."""
    training = spoilt(np.asarray(store.images[rows[0]]), "blur")
    knowing = judge.with_reconstructions(spoilt(held_out, "blur"), (training[:700], training[700:]))
    rng = np.random.default_rng(0)
    assert knowing.score(training, rng).fd_reconstructions.value == pytest.approx(0, abs=1e-4)
    unseen, sharp = knowing.score(spoilt(held_out, "blur"), rng), knowing.score(held_out, rng)
    assert unseen.fd_reconstructions.high < 0.05 * unseen.fd.low
    assert unseen.fd_reconstructions.high < 0.05 * sharp.fd_reconstructions.low
    assert unseen.as_json()["fd_reconstructions"] == unseen.fd_reconstructions.as_json()
    with pytest.raises(ParameterError, match="training must be at least 50, got 49"):
        judge.with_reconstructions(held_out, (training[:20], training[20:49]))


def test_what_clouds_know_of_the_codes_shows(judge, store, rows):
    """A linear model of the digits, its codes turned so that axes mean nothing: axes < covariance < mixture of ten."""
    table = store.images[rows[0]].reshape(len(rows[0]), -1) / 255.0
    mean = table.mean(axis=0)
    directions = np.linalg.svd(table - mean, full_matrices=False)[2][:24]
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((24, 24)))[0] @ directions
    codes = ((table - mean) @ turned.T).astype(np.float32)
    rng, shares = np.random.default_rng(1), {}
    for spec in ("uniform:8", "axes", "covariance", "mixture:10"):
        drawn = cloud(spec).fit(codes).draw(500, rng)
        images = to_uint8((drawn @ turned + mean).reshape(-1, 8, 8, 1))
        shares[spec] = judge.meaningful(images).mean()
    assert shares["uniform:8"] < 0.02
    assert shares["axes"] < shares["covariance"] < shares["mixture:10"] - 0.2


def test_a_kept_judge_is_opened_and_says_the_same(judge, store, rows, held_out):
    lines = []
    kept = judge_for(store, *rows, cache=judge_folder(store), recipe=RECIPE, device="cpu", log=lines.append)
    assert lines == [f"{judge_folder(store)}: up to date"]
    assert np.array_equal(kept.distance(held_out), judge.distance(held_out))
    scores = [who.score(held_out, np.random.default_rng(3)) for who in (judge, kept)]
    assert scores[0] == scores[1]
    assert kept.accuracy == pytest.approx(judge.accuracy, abs=1e-4)


def test_a_judge_of_other_rows_or_a_damaged_one_is_trained_again(store, rows, tmp_path):
    quick = Recipe(fewest=500, passes=1, most=500)
    first, second = rows[0][:200], rows[0][200:400]
    lines = []

    def ask(training, recipe=quick):
        return judge_for(
            store, training, rows[1], cache=tmp_path / "judge", recipe=recipe, device="cpu", log=lines.append
        )

    once = ask(first)
    other = ask(second)
    assert "holds a judge of other rows" in lines[1]
    assert not np.array_equal(once.distances, other.distances)
    (tmp_path / "judge" / "features.safetensors").write_bytes(b"cut short")
    again = ask(second)
    assert "is damaged" in lines[3]
    assert np.array_equal(again.distances, other.distances)  # the same seed, the same judge
    ask(second, replace(quick, seed=1))
    assert "of other recipe" in lines[5]
    assert len(lines) == 7


def test_what_cannot_be_judged(judge, store, rows, held_out, tmp_path):
    with pytest.raises(ParameterError, match=r"shape \(n, 8, 8, 1\)"):
        judge.score(np.zeros((60, 9, 8, 1), np.uint8), np.random.default_rng(0))
    with pytest.raises(ParameterError, match="uint8"):
        judge.meaningful(held_out.astype(np.float32))
    with pytest.raises(ParameterError, match="images must be at least 50, got 49"):
        judge.score(held_out[:49], np.random.default_rng(0))
    with pytest.raises(ParameterError, match="nearest must have shape"):
        judge.score(held_out[:60], np.random.default_rng(0), nearest=np.zeros(59))
    with pytest.raises(ParameterError, match="rows_held_out must be at least 50 images"):
        judge_for(store, rows[0], rows[1][:9])
    with pytest.raises(ParameterError, match="none of the training images"):
        judge_for(store, rows[0], rows[0][:60])
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(ExistsError, match="zscope did not write it"):
        judge_for(store, *rows, cache=tmp_path, log=lambda line: None)
    with pytest.raises(ParameterError, match="at least one"):
        judge.meaningful(held_out[:0])
