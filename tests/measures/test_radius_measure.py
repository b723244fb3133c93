"""The radius: known answers for Gaussian clouds, and its histogram."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chi, ncx2

from zscope.measures.base import LatentCodes
from zscope.measures.histogram import counts_on_interval, peak_by_parabola, scaled_interval, slot_edges, smooth_peak
from zscope.measures.radius import RadiusMeasure, log_density, log_shell_volume, predicted_radius, radii

# Centre and full width at half maximum of twelve dominating axes; the other 244 are 2 wide about 0.
WIDE_AXES = [(5, 8), (1, 3), (0, 5.5), (-0.5, 5), (0, 4), (0, 4), (1, 3), (-2, 9), (0.7, 5), (0.75, 2.75), (0.5, 11)]
WIDE_AXES += [(-1, 8)]


class TestPrediction:
    @pytest.mark.parametrize("d", [2, 3, 16, 256, 1024])
    @pytest.mark.parametrize("sigma", [1e-3, 1, 50])
    def test_exact_for_the_normal_cloud(self, d, sigma):
        found = predicted_radius(np.zeros(d), sigma**2 * np.eye(d))
        assert found.mean == pytest.approx(sigma * chi(d).mean(), rel=2e-6)
        assert found.sd == pytest.approx(sigma * chi(d).std(), rel=2e-4)
        assert found.peak == pytest.approx(sigma * np.sqrt(d - 1), rel=1e-6)
        assert found.mean_square == pytest.approx(sigma**2 * d)
        assert found.variance_square == pytest.approx(sigma**4 * 2 * d)

    def test_256_dimensions(self):
        found = predicted_radius(np.zeros(256), np.eye(256))
        assert round(found.mean, 2) == 15.98
        assert round(found.sd, 2) == 0.71

    @pytest.mark.parametrize("offset", [1.0, 10.0, 1000.0])
    def test_normal_cloud_off_the_origin(self, offset):
        d = 20
        found = predicted_radius(np.r_[offset, np.zeros(d - 1)], np.eye(d))
        squares = ncx2(d, offset**2)
        probability = (np.arange(20_000) + 0.5) / 20_000
        lengths = np.sqrt(squares.ppf(probability)) if offset < 100 else None
        assert found.mean_square == pytest.approx(squares.mean())
        assert found.variance_square == pytest.approx(squares.var())
        if lengths is None:  # far off, only the component along the mean counts
            assert found.sd == pytest.approx(1, rel=1e-3)
            assert found.peak == pytest.approx(offset + (d - 1) / (2 * offset), rel=1e-6)
        else:
            assert found.mean == pytest.approx(lengths.mean(), rel=2e-4)
            assert found.sd == pytest.approx(lengths.std(), rel=3e-3)

    def test_twelve_wide_axes(self):
        # The peak and spread that a simulation of these axes gave: 16.25, read off a histogram, and 1.75.
        mean, width = np.zeros(256), np.full(256, 2.0)
        mean[:12], width[:12] = np.transpose(WIDE_AXES)
        sd = width / np.sqrt(8 * np.log(2))
        found = predicted_radius(mean, np.diag(sd**2))
        assert found.peak == pytest.approx(16.25, abs=0.25)
        assert found.sd == pytest.approx(1.75, abs=0.01)
        # Against a simulation of its own; 40,000 radii give mean and sd to 0.009 and 0.007.
        rng = np.random.default_rng(0)
        lengths = np.concatenate([radii(mean + sd * rng.standard_normal((4000, 256))) for _ in range(10)])
        assert found.mean == pytest.approx(lengths.mean(), abs=0.04)
        assert found.sd == pytest.approx(lengths.std(), abs=0.03)
        assert found.peak == pytest.approx(smooth_peak(lengths).place, abs=0.25)

    def test_one_axis_six_times_as_wide(self):
        # Where the skew is strongest; three moments alone would put the peak at 15.33.
        variances = np.r_[36.0, np.ones(250)]
        rng = np.random.default_rng(0)
        lengths = np.sqrt(36 * rng.chisquare(1, 400_000) + rng.chisquare(250, 400_000))
        found = predicted_radius(np.zeros(251), np.diag(variances))
        assert found.peak == pytest.approx(smooth_peak(lengths).place, abs=0.25)
        assert found.mean == pytest.approx(lengths.mean(), rel=2e-3)
        assert found.sd == pytest.approx(lengths.std(), rel=0.01)

    def test_only_the_eigenvalues_and_the_mean_along_them_count(self):
        rng = np.random.default_rng(0)
        turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
        mean, variances = rng.standard_normal(8), rng.gamma(1, size=8)
        straight = predicted_radius(mean, np.diag(variances))
        turned = predicted_radius(turn @ mean, turn @ np.diag(variances) @ turn.T)
        for name in ("mean", "sd", "peak", "mean_square", "variance_square"):
            assert getattr(turned, name) == pytest.approx(getattr(straight, name), rel=1e-6)

    def test_no_spread(self):
        found = predicted_radius(np.array([3.0, 4.0]), np.zeros((2, 2)))
        assert (found.mean, found.sd, found.peak) == (5, 0, 5)


class TestIntervals:
    @pytest.mark.parametrize(
        ("extent", "expected"),
        [(0, 0.5), (2, 0.5), (35, 0.5), (100, 0.5), (100.1, 5), (1001, 50), (1.9, 0.05), (1e-5, 5e-7), (1e30, 5e28)],
    )
    def test_powers_of_ten(self, extent, expected):
        assert scaled_interval(0.5, extent, fewest=4, most=200) == pytest.approx(expected, rel=1e-12)

    def test_rounding_is_kept_out(self):
        assert scaled_interval(0.5, 0, fewest=4, most=200, largest=1e30) == pytest.approx(5e18)
        edges, counts = counts_on_interval(np.full(7, 1e30), 5e18)
        assert counts.tolist() == [7]
        assert edges[0] <= 1e30 <= edges[1]
        assert slot_edges(1, 3, 0.1).tolist() == [0.1, 0.2, 0.3, 0.4]

    def test_every_value_is_counted_once(self):
        values = np.random.default_rng(0).gamma(3, size=5000)
        edges, counts = counts_on_interval(values, 0.25)
        assert counts.sum() == 5000
        assert np.array_equal(counts, np.histogram(values, edges)[0])
        assert np.allclose(edges / 0.25, np.round(edges / 0.25))

    def test_values_on_edges_and_below_zero(self):
        edges, counts = counts_on_interval(np.array([-0.5, -0.1, 0.0, 0.5, 0.99]), 0.5)
        assert edges.tolist() == [-0.5, 0, 0.5, 1.0]
        assert counts.tolist() == [2, 1, 2]

    def test_parabola_finds_a_gaussian_peak_exactly(self):
        edges = np.arange(0, 10.5, 0.5)
        middles = edges[:-1] + 0.25
        assert peak_by_parabola(edges, np.exp(-((middles - 4.4) ** 2) / 3)) == pytest.approx(4.4)

    def test_parabola_without_neighbours(self):
        assert peak_by_parabola(np.array([1.0, 2.0]), np.array([7])) == 1.5
        assert peak_by_parabola(np.arange(4.0), np.array([0, 7, 3])) == 1.5


class TestSmoothPeak:
    def test_width_of_a_gaussian(self):
        # Twenty clouds of 10,000: the mean within 1 %, each within 6 %.
        rng = np.random.default_rng(0)
        found = [smooth_peak(5 + 2 * rng.standard_normal(10_000)) for _ in range(20)]
        widths = np.array([peak.width for peak in found]) / (2 * np.sqrt(8 * np.log(2)))
        assert abs(widths.mean() - 1) < 0.01
        assert np.all(np.abs(widths - 1) < 0.06)
        assert all(abs(peak.centre - 5) < 0.2 for peak in found)

    def test_moves_and_scales_with_the_values(self):
        values = np.random.default_rng(0).standard_normal(1000)
        plain, moved = smooth_peak(values), smooth_peak(1e-3 * values + 7e-3)
        assert moved.place == pytest.approx(1e-3 * plain.place + 7e-3)
        assert moved.centre == pytest.approx(1e-3 * plain.centre + 7e-3)
        assert moved.width == pytest.approx(1e-3 * plain.width)

    def test_far_outliers_do_not_widen_it(self):
        values = np.random.default_rng(0).standard_normal(5000)
        assert smooth_peak(np.r_[values, [1e6, -1e6]]).width == pytest.approx(smooth_peak(values).width, rel=0.02)

    def test_uniform(self):
        values = np.random.default_rng(0).uniform(0, 3, 100_000)
        assert smooth_peak(values).width == pytest.approx(3, rel=0.03)

    def test_constant(self):
        peak = smooth_peak(np.full(10, 4.0))
        assert (peak.place, peak.centre, peak.width) == (4, 4, 0)


class TestDensity:
    @pytest.mark.parametrize(
        ("d", "volume"),
        [(1, 2 * 0.5), (2, np.pi * 1.25), (3, 4 / 3 * np.pi * (1.5**3 - 1)), (4, np.pi**2 / 2 * 4.0625)],
    )
    def test_shell_between_1_and_one_and_a_half(self, d, volume):
        assert log_shell_volume(np.array([1.0]), np.array([1.5]), d)[0] == pytest.approx(np.log(volume))

    @pytest.mark.parametrize("d", [2, 256, 4096])
    def test_shells_add_up_to_the_ball(self, d):
        edges = np.linspace(0, 0.9 * np.sqrt(d), 30)
        shells = log_shell_volume(edges[:-1], edges[1:], d)
        assert logsumexp(shells) == pytest.approx(log_shell_volume(np.zeros(1), edges[-1:], d)[0])

    def test_thin_shells_keep_their_digits(self):
        # 2π r dr, of which b² − a² alone would leave 6 digits.
        thin = log_shell_volume(np.array([1.0]), np.array([1 + 1e-10]), 2)[0]
        assert thin == pytest.approx(np.log(2 * np.pi * ((1 + 1e-10) - 1)), abs=1e-9)

    def test_density_of_the_normal_cloud_falls_where_its_counts_rise(self):
        # Within 0.02 nats of ln N φ(r) wherever shells are thin and well filled.
        lengths = np.sqrt(np.random.default_rng(0).chisquare(20, 400_000))
        edges, counts = counts_on_interval(lengths, 0.1)
        found = log_density(edges, counts, 20)
        filled = counts > 4000
        middles = (edges[:-1] + edges[1:])[filled] / 2
        expected = np.log(400_000) - 10 * np.log(2 * np.pi) - middles**2 / 2
        # Weighted by the volume inside it, a shell's own mean radius lies further out.
        assert np.allclose(found[filled], expected, atol=0.08)
        assert (np.diff(found[filled]) < 0).all()
        assert middles[0] < edges[counts.argmax()] < middles[-1]

    def test_as_the_measure_keeps_it(self):
        codes = LatentCodes.of(np.random.default_rng(0).standard_normal((500, 256)))
        values = RadiusMeasure().measure(codes, np.random.default_rng(0)).values
        histogram = values["intervals"]["0.5"]
        assert len(values["log_density"]) == len(histogram["counts"])
        assert [number is None for number in values["log_density"]] == [count == 0 for count in histogram["counts"]]
        edges = np.array(histogram["edges"])
        volumes = log_shell_volume(edges[:-1], edges[1:], 256)
        counted = [
            np.exp(number + volume) for number, volume in zip(values["log_density"], volumes, strict=True) if number
        ]
        assert sum(counted) == pytest.approx(500)
        assert values["of"] == "codes"

    def test_an_empty_shell_has_no_logarithm(self):
        codes = LatentCodes.of(np.r_[1.2 * np.ones(9), 3.2][:, None])
        values = RadiusMeasure().measure(codes, np.random.default_rng(0)).values
        assert values["log_density"][0] == pytest.approx(np.log(9 / (2 * values["interval"])))
        assert None in values["log_density"]


class TestRadiusMeasure:
    def test_normal_cloud(self):
        codes = LatentCodes.of(np.random.default_rng(0).standard_normal((10_000, 256)))
        found = RadiusMeasure().measure(codes, np.random.default_rng(0))
        values = found.values
        # Standard errors: mean 0.007, sd 0.005; peaks of a histogram 0.03.
        assert values["mean"] == pytest.approx(15.984, abs=0.03)
        assert values["sd"] == pytest.approx(0.707, abs=0.02)
        assert values["peak"] == pytest.approx(15.969, abs=0.1)
        assert values["peak_fine"] == pytest.approx(15.969, abs=0.2)
        assert values["moments"]["peak"] == pytest.approx(15.969, abs=0.03)
        assert values["share_within"] == {
            "12_24": 1.0,
            "14_19": pytest.approx(chi(256).cdf(19) - chi(256).cdf(14), abs=0.004),
        }
        assert values["interval"] == 0.5
        assert set(values["intervals"]) == {"0.5", "0.05"}
        for histogram in values["intervals"].values():
            assert sum(histogram["counts"]) == 10_000
            assert len(histogram["edges"]) == len(histogram["counts"]) + 1
        assert np.allclose(found.points["radius"], np.linalg.norm(codes.mean, axis=1), rtol=1e-6)
        assert values["min"] == pytest.approx(found.points["radius"].min())

    @pytest.mark.parametrize(("factor", "interval"), [(1e-4, 5e-5), (1000, 500)])
    def test_interval_follows_the_scale(self, factor, interval):
        codes = LatentCodes.of(factor * np.random.default_rng(0).standard_normal((2000, 64)))
        values = RadiusMeasure().measure(codes, np.random.default_rng(0)).values
        assert values["interval"] == pytest.approx(interval)
        assert values["interval_fine"] == pytest.approx(interval / 10)
        assert set(values["intervals"]) == {f"{interval:g}", f"{interval / 10:g}"}
        assert values["peak"] / factor == pytest.approx(np.sqrt(63), abs=0.15)
