"""One contract for every measure, and for the codes that go in."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from zscope.errors import CodesError, ParameterError
from zscope.measures import MEASURES, InertiaMeasure, LatentCodes, TsneMeasure
from zscope.measures.base import chosen_rows, finite_or_none, row_list
from zscope.measures.tsne import MapSetting

N, D = 400, 5

# The same measures with settings that finish at once.
QUICK = tuple(
    InertiaMeasure(most=6)
    if measure.name == "inertia"
    else TsneMeasure(max_points=60, settings=(MapSetting("standard", iterations=250),))
    if measure.name == "tsne"
    else measure
    for measure in MEASURES
)


def some_codes(n=N, d=D, *, logvar=True, factor=1.0):
    rng = np.random.default_rng(0)
    mean = factor * (rng.standard_normal((n, d)) * np.arange(1, d + 1) + 0.5)
    return LatentCodes.of(mean, rng.normal(-2, 1, (n, d)) if logvar else None)


def is_json(value):
    if isinstance(value, dict):
        return all(type(key) is str and is_json(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(is_json(inner) for inner in value)
    return value is None or type(value) in (bool, int, float, str)


@pytest.mark.parametrize("measure", QUICK, ids=lambda measure: measure.name)
class TestEveryMeasure:
    def test_words_and_frozen_parameters(self, measure):
        assert measure.name.isidentifier()
        assert measure.title
        assert dataclasses.is_dataclass(measure)
        assert type(measure).__dataclass_params__.frozen

    @pytest.mark.parametrize(
        "codes",
        [
            some_codes(),
            some_codes(logvar=False),
            some_codes(factor=1e-6),
            some_codes(factor=1e5),
            some_codes(n=3),
            some_codes(n=1),
            some_codes(d=1),
            some_codes(d=2),
            some_codes(n=12, d=40),
            LatentCodes.of(np.zeros((30, 4)), np.full((30, 4), 2000.0)),
            LatentCodes.of(np.full((30, 4), 1e15), np.full((30, 4), -2000.0)),
            LatentCodes.of(np.eye(20)[:, :6] * 1e6),
        ],
        ids=["vae", "ae", "tiny", "huge", "three", "one", "1d", "2d", "wide", "equal", "extreme", "outliers"],
    )
    def test_values_are_json_and_points_are_columns(self, measure, codes):
        reason = measure.applies(codes)
        if reason is not None:
            with pytest.raises(CodesError, match=measure.name):
                measure.measure(codes, np.random.default_rng(0))
            return
        found = measure.measure(codes, np.random.default_rng(0))
        assert found.name == measure.name
        assert is_json(found.values)
        json.dumps(found.values, allow_nan=False)
        for name, column in found.points.items():
            assert isinstance(name, str)
            assert column.shape == (codes.n,)
            assert column.dtype == np.float32
            assert not np.isinf(column).any()

    def test_same_seed_same_result(self, measure):
        first, second = (measure.measure(some_codes(), np.random.default_rng(7)) for _ in range(2))
        assert first.values == second.values
        assert first.points.keys() == second.points.keys()
        for name, column in first.points.items():
            assert np.array_equal(column, second.points[name], equal_nan=True)

    def test_codes_are_left_alone(self, measure):
        codes = some_codes()
        before = codes.mean.copy(), codes.logvar.copy()
        measure.measure(codes, np.random.default_rng(0))
        assert np.array_equal(codes.mean, before[0])
        assert np.array_equal(codes.logvar, before[1])

    def test_says_why_an_autoencoder_is_not_for_it(self, measure):
        reason = measure.applies(some_codes(logvar=False))
        assert reason == ("these codes have no log-variances" if measure.name in ("kl", "logvar") else None)


def test_names_are_unique_and_in_the_order_of_the_report():
    names = [measure.name for measure in MEASURES]
    posterior = ["radius", "axes", "activity", "kl", "logvar", "prior"]
    shape = ["pca", "normality", "dimension", "inertia", "clusters", "voids", "planes", "tsne"]
    assert names == posterior + shape


def test_measures_load_neither_torch_nor_matplotlib():
    code = "import sys, zscope.measures, zscope.nulls; print({'torch', 'matplotlib'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


class TestLatentCodes:
    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64, np.uint8])
    def test_every_real_type_becomes_float32(self, kind):
        table = np.arange(12).reshape(4, 3).astype(kind)
        codes = LatentCodes.of(table, np.asfortranarray(table))
        assert codes.mean.dtype == codes.logvar.dtype == np.float32
        assert codes.mean.flags.c_contiguous
        assert codes.logvar.flags.c_contiguous
        assert np.array_equal(codes.mean, table)
        assert (codes.n, codes.dimension) == (4, 3)

    @pytest.mark.parametrize(
        ("mean", "logvar", "says"),
        [
            (np.zeros(4), None, r"codes must have shape \(N, d\), got \(4,\)"),
            (np.zeros((0, 4)), None, "codes must be at least 1 points, got 0"),
            (np.array([[None]]), None, "codes must be real numbers, got an array of type object"),
            (np.zeros((2, 2), dtype=bool), None, "type bool"),
            (np.full((2, 2), 1e39), None, r"codes must fit into float32, got 1e\+39"),
            (np.array([[1.0], [np.nan], [np.inf]]), None, r"2 of 3 rows hold NaN or infinity \(row 1, 2\)"),
            (
                np.zeros((3, 2)),
                np.zeros((2, 3)),
                r"log-variances must have the shape \(3, 2\) of the means, got \(2, 3\)",
            ),
            (np.zeros((3, 2)), np.full((3, 2), np.nan), "log-variances must be finite: 3 of 3"),
        ],
    )
    def test_what_cannot_be_codes(self, mean, logvar, says):
        with pytest.raises(CodesError, match=says):
            LatentCodes.of(mean, logvar)


class TestHelpers:
    def test_nothing_but_finite_numbers_in_json(self):
        assert finite_or_none(np.float32(0.5)) == 0.5
        assert finite_or_none(float("inf")) is None
        assert row_list(np.array([1.0, np.nan, -np.inf])) == [1.0, None, None]

    def test_chosen_rows(self):
        assert chosen_rows(4, 9, np.random.default_rng(0)).tolist() == [0, 1, 2, 3]
        rows = chosen_rows(1000, 100, np.random.default_rng(0))
        assert len(set(rows.tolist())) == 100
        assert np.all(np.diff(rows) > 0)
        assert np.array_equal(rows, chosen_rows(1000, 100, np.random.default_rng(0)))
        with pytest.raises(ParameterError, match="max_points must be at least 1, got 0"):
            chosen_rows(5, 0, np.random.default_rng(0))
