"""Axes, principal components and planes."""

import numpy as np
import pytest

from zscope.errors import CodesError
from zscope.measures.axes import AxesMeasure, axis_table, robust_z
from zscope.measures.base import LatentCodes
from zscope.measures.histogram import counts_on_interval, pooled_counts
from zscope.measures.pca import PrincipalComponentsMeasure, principal_axes
from zscope.measures.planes import PlanesMeasure, count_window, densest_place, plane_projection, project

RNG = np.random.default_rng


def measured(measure, mean):
    return measure.measure(LatentCodes.of(mean), RNG(0))


class TestAxes:
    def planted(self, n=10_000, d=64):
        mean = RNG(0).standard_normal((n, d)) * 0.85
        mean[:, 52] = 5 + 3.4 * RNG(1).standard_normal(n)
        mean[:, 30] *= 4
        mean[:, 13] += 1.0
        return mean

    def test_planted_axes_are_found_and_ordered(self):
        values = measured(AxesMeasure(), self.planted()).values
        assert [(axis["axis"], axis["why"]) for axis in values["dominating"]] == [
            (52, "width, centre"),
            (30, "width"),
            (13, "centre"),
        ]
        first = values["dominating"][0]
        # E z² of the axis over that of all: (25 + 3.4²) / (25 + 3.4² + 3.4² + 0.85² + 1 + 61 · 0.85²).
        assert first["share_of_square_radius"] == pytest.approx(36.56 / (36.56 + 11.56 + 1.7225 + 44.0725), abs=0.01)
        assert first["centre"] == pytest.approx(5, abs=0.3)
        assert first["fwhm"] == pytest.approx(3.4 * 2.3548, rel=0.06)
        assert values["ordinary"]["fwhm"] == pytest.approx(0.85 * 2.3548, rel=0.01)
        assert values["ordinary"]["centre"] == pytest.approx(0, abs=0.02)
        assert values["ordinary"]["count"] == 61

    @pytest.mark.parametrize("factor", [1e-5, 1e4])
    def test_scale_decides_nothing(self, factor):
        plain = measured(AxesMeasure(), self.planted(3000)).values
        scaled = measured(AxesMeasure(), factor * self.planted(3000)).values
        assert [axis["axis"] for axis in scaled["dominating"]] == [axis["axis"] for axis in plain["dominating"]]
        assert plain["interval"] == 0.25
        assert scaled["interval"] == pytest.approx(0.25 * factor, rel=1e-9)

    def test_normal_clouds_have_no_dominating_axes(self):
        for seed in range(10):
            values = measured(AxesMeasure(), RNG(seed).standard_normal((1000, 64))).values
            assert values["dominating"] == []

    def test_histograms(self):
        mean = self.planted(2000)
        values = measured(AxesMeasure(most_histograms=2), mean).values["histograms"]
        assert [histogram["axis"] for histogram in values["axes"]] == [52, 30]
        assert sum(values["axes"][0]["counts"]) == 2000
        assert sum(values["ordinary"]["counts"]) == 2000 * 61
        counts, _ = np.histogram(mean[:, 52].astype(np.float32), values["axes"][0]["edges"])
        assert counts.tolist() == values["axes"][0]["counts"]

    def test_constant_axes(self):
        mean = self.planted(500)
        mean[:, 3] = 2.0
        values = measured(AxesMeasure(), mean).values
        assert values["per_axis"]["fwhm"][3] == 0
        assert values["per_axis"]["centre"][3] == 2
        assert 3 not in [axis["axis"] for axis in values["dominating"]]
        assert values["compared"] == {"count": 63, "which": "varying"}
        assert values["ordinary"]["count"] == 60
        assert sum(values["histograms"]["ordinary"]["counts"]) == 500 * 60
        assert measured(AxesMeasure(), np.ones((20, 3))).values["ordinary"] == {
            "count": 0,
            "centre": None,
            "fwhm": None,
        }

    def test_only_active_axes_of_a_vae_are_compared(self):
        # Four active axes among sixty collapsed ones: against all of these every active one would stand out.
        mean = 1e-3 * RNG(0).standard_normal((2000, 64))
        mean[:, :4] = RNG(1).standard_normal((2000, 4)) * [0.9, 0.9, 0.9, 3.6] + [0, 0, 0, 1]
        logvar = np.where(np.arange(64) < 4, np.log(0.19), 0.0) * np.ones((2000, 1))
        values = AxesMeasure().measure(LatentCodes.of(mean, logvar), RNG(0)).values
        assert [axis["axis"] for axis in values["dominating"]] == [3]
        assert values["compared"] == {"count": 4, "which": "active"}
        assert values["ordinary"]["count"] == 3
        assert values["ordinary"]["fwhm"] == pytest.approx(0.9 * 2.3548, rel=0.05)
        # All posteriors together: mean 1, variance 3.6² + 0.19.
        assert values["dominating"][0]["aggregate_mean"] == pytest.approx(1, abs=0.3)
        assert values["dominating"][0]["aggregate_sd"] == pytest.approx(np.sqrt(3.6**2 + 0.19), rel=0.06)

    def test_table_against_numpy(self):
        mean = RNG(0).gamma(2, size=(300, 3)).astype(np.float32)
        table = axis_table(mean)
        assert np.allclose(table.mean, mean.mean(0))
        assert np.allclose(table.sd, mean.std(0))

    def test_robust_z(self):
        # Median 3, median absolute deviation 1.
        assert np.allclose(robust_z(np.array([1.0, 2, 3, 4, 103])), 0.6745 * np.array([-2, -1, 0, 1, 100]))
        assert robust_z(np.array([1.0, 1, 1, 5])).tolist() == [0, 0, 0, np.inf]


class TestPrincipalComponents:
    def test_against_singular_values(self):
        mean = RNG(0).standard_normal((500, 6)) @ RNG(1).standard_normal((6, 6)) + 3
        axes = principal_axes(mean)
        _, singular, rows = np.linalg.svd(mean - mean.mean(0), full_matrices=False)
        assert np.allclose(axes.variances, singular**2 / 499)
        assert np.allclose(np.abs(np.sum(axes.components * rows, axis=1)), 1)
        assert np.allclose(axes.components @ axes.components.T, np.eye(6))
        assert np.all(axes.components[np.arange(6), np.abs(axes.components).argmax(1)] > 0)
        assert np.allclose(np.cov(axes.project(mean, 2).T), np.diag(axes.variances[:2]), atol=1e-4)

    def test_known_spectrum(self):
        # Orthogonal columns of sums of squares 16 : 4 : 4 : 1.
        signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=float)
        mean = np.vstack([signs, -signs]) * [4, 2, 2, 1]
        values = measured(PrincipalComponentsMeasure(), mean).values
        assert np.allclose(values["explained"], [16 / 25, 4 / 25, 4 / 25, 1 / 25])
        assert np.allclose(values["cumulative"], [0.64, 0.8, 0.96, 1])
        assert values["needed"] == {"90": 3, "95": 3, "99": 4}
        assert values["participation_ratio"] == pytest.approx(25**2 / (256 + 16 + 16 + 1))
        assert values["total_variance"] == pytest.approx(25 * 8 / 7)

    def test_long_spectra_are_cut_at_512(self):
        assert len(measured(PrincipalComponentsMeasure(), RNG(0).standard_normal((40, 600))).values["explained"]) == 512

    def test_one_point(self):
        assert PrincipalComponentsMeasure().applies(LatentCodes.of(np.ones((5, 2)))) == "all codes are the same point"


class TestPlanes:
    @pytest.mark.parametrize(
        ("d", "pairs"),
        [
            (64, [("pc1", "pc2"), ("pc1", "pc18"), ("pc8", "pc35")]),
            (16, [("pc1", "pc2"), ("pc1", "pc16"), ("pc8", "pc16")]),
            (8, [("pc1", "pc2"), ("pc1", "pc8")]),
            (2, [("pc1", "pc2")]),
        ],
    )
    def test_planes_that_exist(self, d, pairs):
        mean = RNG(0).standard_normal((300, d))
        mean[:, 1] *= 9
        mean[:, 0] *= 5
        found = measured(PlanesMeasure(), mean)
        assert [(plane["x"], plane["y"]) for plane in found.values["planes"]] == [*pairs, ("axis1", "axis0")]
        assert {name for pair in pairs for name in pair} | {"axis0", "axis1"} == set(found.points)

    def test_coordinates(self):
        mean = (RNG(0).standard_normal((300, 20)) * np.arange(1, 21) + 2).astype(np.float32)
        found = measured(PlanesMeasure(), mean)
        assert np.allclose(found.points["axis19"], mean[:, 19])
        axes = principal_axes(mean)
        assert np.allclose(found.points["pc18"], (mean - axes.centre) @ axes.components[17], atol=1e-4)

    def test_windows_count_points(self):
        found = measured(PlanesMeasure(), RNG(0).standard_normal((5000, 4)) * [3, 2, 1, 1])
        for plane in found.values["planes"]:
            x, y = found.points[plane["x"]], found.points[plane["y"]]
            assert plane["windows"][0]["count"] == 5000
            assert [window["half_width"] for window in plane["windows"][1:]] == [2.5, 1.0, 0.25]
            for window in plane["windows"]:
                inside = sum(
                    abs(a - plane["centre"][0]) <= window["half_width"]
                    and abs(b - plane["centre"][1]) <= window["half_width"]
                    for a, b in zip(x, y, strict=True)
                )
                assert window["count"] == inside

    @pytest.mark.parametrize("factor", [0.01, 100])
    def test_windows_follow_the_scale(self, factor):
        found = measured(PlanesMeasure(), factor * RNG(0).standard_normal((500, 3)))
        assert found.values["unit"] == pytest.approx(factor)
        assert found.values["planes"][0]["windows"][-1]["half_width"] == pytest.approx(0.25 * factor)

    def test_null_in_the_same_planes(self):
        mean = RNG(0).standard_normal((200, 5)) * [5, 4, 3, 2, 1] + 1
        projection = plane_projection(mean)
        one = project(mean[:1], projection)
        everything = project(mean, projection)
        assert all(np.allclose(one[name][0], everything[name][0], atol=1e-5) for name in projection.names)
        with pytest.raises(CodesError, match="must have the 5 dimensions of the projection, got 4"):
            project(mean[:, :4], projection)

    def test_densest_place_is_on_the_ring_not_in_its_middle(self):
        angle = RNG(0).vonmises(0.5, 2.0, 20_000)
        x, y = 5 * np.cos(angle), 5 * np.sin(angle)
        x += 0.2 * RNG(1).standard_normal(20_000)
        place = densest_place(x, y)
        assert np.hypot(*place) == pytest.approx(5, abs=0.5)
        assert count_window(x, y, place, 0.5) > 10 * count_window(x, y, (0, 0), 0.5)

    def test_one_dimension(self):
        assert "at least 2 dimensions" in PlanesMeasure().applies(LatentCodes.of(np.ones((5, 1))))


def test_columns_are_counted_together_as_their_values_are():
    table = RNG(5).standard_normal((500, 6)).astype(np.float32) * np.arange(1, 7)
    columns = np.array([0, 2, 5])
    edges, counts = pooled_counts(table, columns, 0.25)
    expected_edges, expected = counts_on_interval(table[:, columns].ravel(), 0.25)
    assert (edges == expected_edges).all()
    assert (counts == expected).all()
