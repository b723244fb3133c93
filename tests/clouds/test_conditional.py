"""A cloud for every label value."""

import numpy as np
import pytest
from scipy.stats import chisquare

from zscope.clouds import CLOUDS, cloud
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import CodesError, FormatError, ParameterError

RNG = np.random.default_rng
CENTRES = {"left": -20.0, "middle": 0.0, "right": 20.0}


@pytest.fixture(scope="module")
def labelled():
    labels = RNG(0).choice(list(CENTRES), 900, p=[0.2, 0.3, 0.5])
    codes = np.array([CENTRES[label] for label in labels])[:, None] + RNG(1).standard_normal((900, 2))
    return codes, labels


@pytest.mark.parametrize(
    "spec", ["axes", "covariance", "ellipsoid:0.5", "mixture:2", "kde", "neighbours:3", "posterior"]
)
def test_draws_carry_their_label(spec, labelled):
    codes, labels = labelled
    fitted = ConditionalCloud(spec).fit(codes, labels)
    assert (fitted.spec, fitted.name) == (cloud(spec).spec, spec.partition(":")[0])
    for label, centre in CENTRES.items():
        drawn = fitted.draw(50, RNG(0), label)
        assert (drawn.shape, drawn.dtype) == ((50, 2), np.float32)
        assert np.abs(drawn - centre).max() < 8
    drawn, given = fitted.draw_labelled(3000, RNG(1))
    assert np.all(np.abs(drawn - np.array([CENTRES[label] for label in given])[:, None]) < 8)
    shares = np.array([np.mean(labels == label) for label in CENTRES])
    assert chisquare([np.sum(given == label) for label in CENTRES], 3000 * shares).pvalue > 1e-3
    assert np.array_equal(fitted.draw(3000, RNG(1)), drawn)


def test_each_label_has_the_cloud_of_its_own_codes(labelled):
    codes, labels = labelled
    fitted = ConditionalCloud("covariance").fit(codes, labels)
    alone = cloud("covariance").fit(codes[labels == "right"])
    assert np.array_equal(fitted.draw(20, RNG(0), "right"), alone.draw(20, RNG(0)))


def test_log_variances_go_with_their_codes(labelled):
    codes, labels = labelled
    logvar = np.where(labels[:, None] == "left", 4.0, -20.0) * np.ones((1, 2))
    fitted = ConditionalCloud("posterior").fit(codes, labels, logvar)
    assert fitted.draw(2000, RNG(0), "left").std() > 6
    assert fitted.draw(2000, RNG(0), "right").std() < 1.5


@pytest.mark.parametrize(
    ("labels", "value"),
    [(np.arange(900) % 3, 2), (np.arange(900) % 2 == 0, True), (np.full(900, "a", dtype=object), "a")],
)
def test_kinds_of_labels(labels, value, labelled):
    fitted = ConditionalCloud("axes").fit(labelled[0], labels)
    assert value in fitted.values_
    assert all(type(one) in (bool, int, str) for one in fitted.values_)
    assert np.array_equal(fitted.draw(5, RNG(0), value), fitted.draw(5, RNG(0), str(value)))


@pytest.mark.parametrize("spec", [name for name in CLOUDS if name != "prior"])
def test_saved_and_restored(spec, labelled, monkeypatch):
    monkeypatch.setattr("zscope.clouds.networks.MOST_STEPS", 4)
    fitted = ConditionalCloud(spec).fit(*labelled)
    again = ConditionalCloud.restored(fitted.spec, fitted.values_, fitted.state())
    for draw in (lambda one: one.draw(40, RNG(0)), lambda one: one.draw(40, RNG(0), "middle")):
        assert np.array_equal(draw(again), draw(fitted))
    assert np.array_equal(again.draw_labelled(40, RNG(0))[1], fitted.draw_labelled(40, RNG(0))[1])


def test_labels_with_too_few_codes_are_named(labelled):
    codes, labels = labelled
    rare = labels.astype("U9").copy()
    rare[:7], rare[7:8] = "seven", "one"
    with pytest.raises(
        CodesError, match=r"too few codes: one \(1 codes\), seven \(7 codes\): .* at least 20 codes, got 1"
    ):
        ConditionalCloud("mixture").fit(codes, rare)
    with pytest.raises(CodesError, match=r"too few codes: one \(1 codes\): .* at least 2 points, got 1"):
        ConditionalCloud("covariance").fit(codes, rare)
    with pytest.raises(CodesError, match=r"4 \(1 codes\) and 895 more"):
        ConditionalCloud("covariance").fit(codes, np.arange(900))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(900), "must be texts, whole numbers or truth values, got an array of type float64"),
        (np.zeros((900, 1), dtype=int), r"one a code, of shape \(900,\), got \(900, 1\)"),
        (["a"] * 899, r"got \(899,\)"),
        (np.array([None, "a"] * 450, dtype=object), "got an array of type object"),
    ],
)
def test_labels_that_will_not_do(labels, says, labelled):
    with pytest.raises(CodesError, match=says):
        ConditionalCloud("axes").fit(labelled[0], labels)


def test_other_bad_input(labelled):
    codes, labels = labelled
    with pytest.raises(ParameterError, match="cloud must be one of"):
        ConditionalCloud("gauss")
    with pytest.raises(CodesError, match="must be fitted"):
        ConditionalCloud("axes").draw(3, RNG(0))
    with pytest.raises(CodesError, match="must be fitted"):
        ConditionalCloud("axes").state()
    with pytest.raises(CodesError, match="log-variances must have the shape of the codes"):
        ConditionalCloud("axes").fit(codes, labels, codes[:4])
    fitted = ConditionalCloud("axes").fit(codes, labels)
    with pytest.raises(ParameterError, match="label must be one of left, middle, right, got top"):
        fitted.draw(3, RNG(0), "top")
    for draw in (fitted.draw, fitted.draw_labelled):
        with pytest.raises(ParameterError, match="n must be at least 1, got 0"):
            draw(0, RNG(0))


def test_states_that_will_not_do(labelled):
    fitted = ConditionalCloud("axes").fit(*labelled)
    state = fitted.state()
    with pytest.raises(FormatError, match="clouds for 2 labels must hold that many shares"):
        ConditionalCloud.restored("axes", ["left", "right"], state)
    with pytest.raises(FormatError, match="must hold that many shares, of sum 1"):
        ConditionalCloud.restored("axes", fitted.values_, state | {"shares_": np.array([0.5, 0.5, 0.5])})
    with pytest.raises(FormatError, match="must hold mean_"):
        ConditionalCloud.restored("axes", fitted.values_, {k: v for k, v in state.items() if k != "1.mean_"})
    other = cloud("axes").fit(np.zeros((5, 3))).state()
    with pytest.raises(FormatError, match=r"one number of dimensions, got \[2, 3\]"):
        ConditionalCloud.restored("axes", fitted.values_, state | {f"0.{k}": v for k, v in other.items()})
