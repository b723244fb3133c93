"""The null's band behind the inertia curve of a single run."""

import numpy as np
import pytest

from zscope.figures import inertia
from zscope.figures.style import BAND
from zscope.study.payload import RunPayload, SplitPayload

K, INERTIA = [2, 4, 6, 8], [8.0, 6.0, 5.0, 4.0]


def a_run(effects, sd=0.01, draws=20, name="run"):
    tests = [
        {
            "statistic": f"log_inertia_{k}",
            "value": np.log(3.0) + effect,
            "null": "covariance",
            "null_mean": np.log(3.0),
            "null_sd": sd,
            "draws": draws,
            "n": 500,
            "of": 900,
            "effect": effect,
        }
        for k, effect in effects.items()
    ]
    values = {"inertia": {"k": K, "inertia": INERTIA, "n": 900}, "pca": {"total_variance": 10.0}}
    split = SplitPayload("train", 900, 3, values, {"inertia": tests} if tests else {}, {}, {}, {})
    empty = np.empty((0, 1, 1, 1), np.uint8)
    return RunPayload(name, name, name, {}, [], empty, empty, (), {"train": split}, None)


def test_band_is_the_null_relative_to_the_codes():
    data = inertia.prepare([a_run({2: 0.0, 4: -0.3, 14: -1.0})])
    band = data.curves[0].band
    assert band.k.tolist() == [2, 4]  # the codes have no figure at 14
    assert band.ratio == pytest.approx([1, np.exp(-0.3)])
    # The codes' 0.6 of the variance at k = 4 is exp(−0.3) times the null's.
    assert band.mean == pytest.approx([0.8, 0.6 * np.exp(0.3)])
    assert band.high / band.mean == pytest.approx(np.exp(0.02))
    assert band.low / band.mean == pytest.approx(np.exp(-0.02))
    assert band.outside.tolist() == [False, True]


def test_caption_says_how_the_curve_differs_and_that_a_bend_is_no_sign():
    says = inertia.caption(inertia.prepare([a_run({2: 0.001, 4: -0.3, 8: -0.1})]))
    assert "Grey: the same of 20 Gaussian clouds with the codes' mean and covariance" in says
    assert "relative to as many codes" in says
    assert 'a bend alone ("elbow") is no sign of clusters' in says
    assert "leaves the band at 2 of 3 numbers of centres" in says
    assert says.endswith("at k = 4 the inertia is 0.74 times theirs.")
    assert inertia.caption(inertia.prepare([a_run({2: 0.001})])).endswith("The codes' curve stays within the band.")
    assert inertia.caption(inertia.prepare([a_run({2: 0.1}, sd=0.0, draws=1)])).endswith("no sign of clusters.")
    assert inertia.caption(inertia.prepare([a_run({})])).endswith("No null was drawn.")


def test_drawn_for_a_single_run_only():
    one, other = a_run({2: 0.0, 4: -0.3}), a_run({2: 0.0, 4: -0.3}, name="other")

    def bands(data):
        (axes,) = inertia.draw(data).axes
        return [shape for shape in axes.collections if shape.get_label() == "Gaussian clouds, ± 2 sd"]

    (band,) = bands(inertia.prepare([one]))
    assert band.get_facecolor()[0][:3] == pytest.approx([int(BAND[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    assert bands(inertia.prepare([one, other])) == bands(inertia.prepare([a_run({})])) == []
    assert "Grey" not in inertia.caption(inertia.prepare([one, other]))
