"""FD to reconstructions on made features, against its closed form; and what FD to real images cannot see."""

import itertools

import numpy as np
import pytest

from zscope.generation.ladder_words import further_words, ladder_words
from zscope.generation.steps import DECODED, steps_of
from zscope.judging import Judge
from zscope.judging.embedding import ImageFeatures
from zscope.judging.frechet import Moments

N = 400


class Pixels:
    """Features that are the grey levels of two pixels."""

    shape = (1, 2, 1)

    def __call__(self, images):
        table = images.reshape(len(images), 2)
        return ImageFeatures(table.astype(np.float32), table.astype(np.float32), table)


def made(widths, shift=0):
    """Images about (100 + shift, 100): every pixel has normal quantiles of this width, in a grid, so uncorrelated."""
    quantiles = np.linspace(-1.5, 1.5, 20)
    table = [(100 + shift + widths[0] * a, 100 + widths[1] * b) for a, b in itertools.product(quantiles, repeat=2)]
    return np.round(table).astype(np.uint8).reshape(N, 1, 2, 1)


def closed_form(first, second):
    """Σ (μ₁ − μ₂)² + (σ₁ − σ₂)² of uncorrelated features."""
    one, two = (images.reshape(N, 2).astype(float) for images in (first, second))
    means = one.mean(axis=0) - two.mean(axis=0)
    return float(np.sum(means**2) + np.sum((one.std(axis=0, ddof=1) - two.std(axis=0, ddof=1)) ** 2))


@pytest.fixture(scope="module")
def judge():
    """Real images vary by 24 in both pixels; the decoder blurs the first to 10."""
    real = Pixels()(made((24, 24)))
    apart = np.ones(60, np.float32)
    alone = Judge(Pixels(), real, real, 5 * apart, 0.01 * apart, {})
    return alone.with_reconstructions(made((10, 24)), [made((10, 24))])


@pytest.mark.parametrize("images", [made((10, 24)), made((10, 24), shift=9), made((30, 12)), made((24, 24))])
def test_closed_form(judge, images):
    scores = judge.score(images, np.random.default_rng(0))
    assert scores.fd_reconstructions.value == pytest.approx(closed_form(images, made((10, 24))), rel=1e-5, abs=1e-6)
    assert scores.fd.value == pytest.approx(closed_form(images, made((24, 24))), rel=1e-5, abs=1e-6)
    assert scores.fd_reconstructions.low <= scores.fd_reconstructions.value <= scores.fd_reconstructions.high


def test_without_training_reconstructions_there_is_no_such_score(judge):
    alone = judge.with_reconstructions(made((10, 24)))
    assert isinstance(judge.reconstructed, Moments)
    assert alone.reconstructed is None
    assert alone.score(made((9, 9)), np.random.default_rng(0)).fd_reconstructions is None


def test_what_real_images_cannot_tell_reconstructions_do(judge):
    """Two clouds as far from real images, of which one gives just what the decoder makes of the training images."""
    images = {"axes": made((70, 70)), "covariance": made((24, 10)), "mixture:2": made((10, 24))}
    rng = np.random.default_rng(1)
    rungs = [{"sampler": name, **judge.score(drawn, rng).as_json()} for name, drawn in images.items()]
    reference = {
        name: judge.score(drawn, rng).as_json()
        for name, drawn in {
            "held_out": made((24, 24)),
            "reconstructions": made((10, 24)),
            "noise": made((80, 80), shift=20),
        }.items()
    }
    assert rungs[1]["fd"]["value"] == pytest.approx(rungs[2]["fd"]["value"], rel=1e-5)
    steps, decoded = (steps_of(rungs, reference["reconstructions"], score) for score in ("fd", DECODED))
    assert [step.seen for step in steps] == ["better", "no difference seen"]
    assert (decoded[1].before, decoded[1].seen, decoded[1].undecided) == ("covariance", "better", True)
    says = ladder_words(rungs, steps, reference, "covariance", decoded)
    assert (
        "Held against what the decoder makes of the training images, where its own blur does not count, the shape of "
        "the cloud (as several Gaussians) matters too: FD to reconstructions "
    ) in says
    assert "the shape of the cloud (as several Gaussians), FD " in further_words(steps, decoded)
