"""Figures: what `prepare` takes from the payload, what the captions claim, and that everything can be drawn."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from matplotlib.figure import Figure
from PIL import Image

from zscope.figures import (
    FIGURES,
    Missing,
    axes,
    held_out,
    inertia,
    kl,
    losses,
    pca,
    planes,
    radius,
    radius_overlay,
    samples,
    tsne,
    write_figures,
)
from zscope.figures.render import svg_text
from zscope.figures.style import CLASS_COLOURS, THEMED, style
from zscope.measures import AxesMeasure, LatentCodes

LADDER = ("ladder", "meaning")
KINDS = ["ae", "vae", "unlabelled", "tiny", "unmeasured"]


@pytest.fixture(scope="module")
def runs():
    return synthetic.digit_runs()


@pytest.fixture(scope="module")
def payloads():
    return synthetic.payloads()


def prepared(name, run, split="train"):
    kind = FIGURES[name]
    return kind.prepare([run], split) if kind.scope == "study" else kind.prepare(run, split)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(FIGURES))
def test_every_figure_is_drawn_or_says_why_not(name, kind, payloads):
    data = prepared(name, payloads[kind])
    if isinstance(data, Missing):
        assert re.fullmatch(r"[^.]{10,}", data.reason), data.reason
        return
    figure = FIGURES[name].draw(data)
    assert isinstance(figure, Figure)
    text = svg_text(figure, name)
    assert text.rstrip().endswith("</svg>")
    says = FIGURES[name].caption(data)
    assert says.endswith(".")
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", says), says


def test_what_each_payload_lacks(payloads):
    lacking = {kind: {n for n in FIGURES if isinstance(prepared(n, payloads[kind]), Missing)} for kind in KINDS}
    assert lacking["vae"] == set()
    assert lacking["ae"] == {"kl", *LADDER}
    assert lacking["unlabelled"] == {"held_out", *LADDER}
    assert lacking["tiny"] == {"kl", "planes", "lineup", "tsne", "held_out", *LADDER}
    assert lacking["unmeasured"] == set(FIGURES)


def test_reasons_are_the_measures_own(payloads):
    assert prepared("kl", payloads["ae"]).reason == "these codes have no log-variances"
    assert "have 1" in prepared("planes", payloads["tiny"]).reason
    assert prepared("held_out", payloads["tiny"]).reason == "the held-out codes have not been measured"


@pytest.mark.parametrize(("name", "column"), [("planes", "pc1"), ("tsne", "tsne.standard.x")])
def test_codes_that_were_encoded_again_have_lost_their_columns(runs, name, column):
    train = runs[0].splits["train"]
    labels = {"digit": train.points["digit"]}
    data = prepared(name, replace(runs[0], splits={"train": replace(train, points=labels, null_points={})}))
    assert data == Missing(f"the codes have no column {column}: measure them again (zscope measure RUN)")


def test_drawing_twice_gives_the_same_svg(runs):
    data = radius.prepare(runs[0])
    assert svg_text(radius.draw(data), "a") == svg_text(radius.draw(data), "a")
    assert svg_text(radius.draw(data), "a") != svg_text(radius.draw(data), "b")


def test_no_class_colour_is_a_themed_one():
    assert not set(CLASS_COLOURS) & set(THEMED)
    assert len(set(THEMED.values())) == len(THEMED)


class TestSamples:
    def test_rows_are_originals_reconstructions_then_clouds_in_order(self, runs):
        data = samples.prepare(runs)
        assert [row.key for row in data.rows] == ["originals", "reconstructions", *(s.spec for s in runs[0].samples)]
        assert np.array_equal(data.rows[2].images[1], runs[1].samples[0].images)

    def test_chosen_clouds_keep_the_wanted_order_and_number(self, runs):
        data = samples.prepare(runs, clouds=["covariance", "normal", "no-such"], most=5)
        assert [row.key for row in data.rows[2:]] == ["covariance", "normal"]
        assert data.n == 5
        assert all(len(images) == 5 for row in data.rows for images in row.images)

    def test_a_run_without_a_cloud_has_a_gap(self, runs):
        data = samples.prepare([runs[0], replace(runs[1], samples=runs[1].samples[1:])])
        assert data.rows[2].images[0] is not None
        assert data.rows[2].images[1] is None

    def test_strip_lays_images_side_by_side_with_transparent_gaps(self):
        images = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3, 1)
        strip = samples.strip(images, 2)
        assert strip.shape == (2, 8, 4)
        assert np.array_equal(strip[:, :3, 0], images[0, ..., 0])
        assert np.array_equal(strip[:, 5:, 2], images[1, ..., 0])
        assert strip[:, 3:5, 3].max() == 0
        assert strip[:, :3, 3].min() == 255

    @pytest.mark.parametrize("n", [1, 8, 16, 40])
    def test_labels_stand_beside_the_images_whose_pixels_are_squares(self, runs, n):
        long = "codes of the data, with 0.5 × their noise, and so on at some length that needs three lines"
        first = replace(runs[0].samples[0], label=long, images=np.zeros((n, 8, 8, 1), np.uint8))
        wide = replace(runs[0].samples[1], images=np.zeros((n, 8, 8, 1), np.uint8))
        figure = samples.draw(samples.prepare([replace(runs[0], samples=(first, wide))]))
        with style():
            figure.draw_without_rendering()
            panels = [panel.get_window_extent() for panel in figure.axes]
            words = [text.get_window_extent() for text in figure.texts if text.get_text()]
        for panel, box in zip(figure.axes, panels, strict=True):
            rows, columns = panel.get_images()[0].get_array().shape[:2]
            assert box.width / columns == pytest.approx(box.height / rows, rel=1e-9)
        assert not any(one.overlaps(other) for place, one in enumerate(words) for other in (*panels, *words[:place]))
        assert not any(one.overlaps(other) for place, one in enumerate(panels) for other in panels[:place])
        assert max(box.x1 for box in panels) <= figure.bbox.x1 + 1e-6

    def test_many_runs_go_on_below_and_keep_apart(self, runs):
        many = [replace(runs[0], name=f"vae-beta0.0001-s{seed}", label="") for seed in range(2 * samples.ABREAST + 1)]
        figure = samples.draw(data := samples.prepare(many, most=5))
        with style():
            figure.draw_without_rendering()
            titles = [text.get_window_extent() for text in figure.texts if text.get_text() in data.titles]
            panels = [panel.get_window_extent() for panel in figure.axes]
        assert len(titles) == len(many)
        assert len(panels) == len(many) * len(data.rows)
        boxes = titles + panels
        assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
        assert len({round(box.x0) for box in titles}) == samples.ABREAST
        assert len({round(box.y0) for box in titles}) == 3
        assert titles[0].x0 == pytest.approx(titles[samples.ABREAST].x0)

    def test_caption_says_of_which_runs_these_are_a_choice(self, runs):
        data = samples.prepare(runs[:2], among="the first of 9 runs")
        assert samples.caption(data).endswith(": digits-ae and digits-tiny, the first of 9 runs.")

    def test_rows_of_one_cloud_name_the_value_and_the_title_the_cloud(self, runs):
        drawn = replace(runs[0].samples[0], images=runs[0].samples[0].images[:4])
        values = [
            replace(drawn, spec=f"covariance[digit={digit}]", label=f"mean and covariance, digit {digit}")
            for digit in (3, 7)
        ]
        data = samples.prepare([replace(runs[0], samples=tuple(values))])
        assert [row.label for row in data.rows[2:]] == ["digit 3", "digit 7"]
        assert data.cloud == "mean and covariance"
        assert "one cloud (mean and covariance), fitted to the codes of each value of a label" in samples.caption(data)
        assert any(text.get_text().endswith("· mean and covariance") for text in samples.draw(data).texts)
        several = samples.prepare([replace(runs[0], samples=(*values, replace(drawn, spec="normal", label="N(0, I)")))])
        assert [row.label for row in several.rows[2:]] == [*(value.label for value in values), "N(0, I)"]

    def test_a_mixture_of_one_gaussian_is_explained(self, runs):
        one = replace(runs[0].samples[0], spec="mixture", label="mixture of 1 Gaussian")
        assert samples.ONE_GAUSSIAN in samples.caption(samples.prepare([replace(runs[0], samples=(one,))]))
        chosen = replace(one, spec="mixture:1")
        assert samples.ONE_GAUSSIAN not in samples.caption(samples.prepare([replace(runs[0], samples=(chosen,))]))

    def test_caption_says_which_images_and_clouds(self, runs, payloads):
        says = samples.caption(samples.prepare([runs[0]], most=4))
        assert says.startswith("Top row: 4 held-out images")
        assert "5 clouds" in says
        assert "mixture of 4 Gaussians" in says
        assert "3 training images" in samples.caption(samples.prepare([payloads["tiny"]]))


class TestRadius:
    def test_histogram_is_numpys(self, runs):
        data = radius.prepare(runs[0])
        lengths = runs[0].splits["train"].points["radius"]
        assert np.array_equal(data.counts, np.histogram(lengths, data.edges)[0])
        assert data.counts.sum() == data.n == 300
        assert np.allclose(np.diff(data.edges), data.interval)

    def test_band_counts_the_intervals_inside(self, runs):
        band = {"edges": [1.0, 2.0, 3.0, 4.0], "low": [1.0, 2.0, 0.0], "high": [3.0, 4.0, 0.0]}
        # codes: 5 in [0, 1) outside, 2 in [1, 2) inside, 9 in [2, 3) outside; [3, 4) is empty for both
        codes = np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 2.0, 9.0])
        made = radius._band({"band": band, "draws": 19, "n": 16, "of": 16}, *codes)
        assert (made.inside, made.of, made.draws) == (1, 3, 19)
        # Draws of 4 points scatter more than 16 codes: the band is no measure of the codes' histogram.
        assert radius._band({"band": band, "draws": 19, "n": 4, "of": 16}, *codes).inside is None

    def test_caption_says_whose_radius_it_is(self, runs):
        assert "300 training codes (means of the posteriors) from the origin" in radius.caption(radius.prepare(runs[2]))
        assert "300 training codes from the origin" in radius.caption(radius.prepare(runs[0]))

    def test_caption_says_what_the_band_is(self, runs):
        data = radius.prepare(runs[0])
        assert "in each interval for itself, where 98 % of Gaussian clouds" in radius.caption(data)
        few = replace(data, band=replace(data.band, n=200, inside=None))
        assert radius.caption(few).endswith("lie; these have 200 points, scaled to 300.")

    def test_caption_has_the_peak_and_the_prediction(self, runs):
        data = radius.prepare(runs[2])
        says = radius.caption(data)
        values = runs[2].splits["train"].values["radius"]
        assert f"{values['peak']:.4g}" in says
        assert f"{values['moments']['peak']:.4g}" in says
        assert "300 training codes" in says
        assert "98 % of Gaussian clouds with the same mean and covariance" in says
        assert f"holds {int(data.counts.max())};" in says

    def test_density_of_the_overlay_integrates_to_one(self, runs):
        data = radius_overlay.prepare(runs)
        assert len(data.curves) == 3
        for curve in data.curves:
            assert np.sum(curve.density * np.diff(curve.edges)) == pytest.approx(1)

    def test_overlay_names_who_is_left_out(self, runs, payloads):
        data = radius_overlay.prepare([runs[0], payloads["unmeasured"]])
        assert data.left_out == (("bare", "the run has not been measured"),)
        assert "bare is left out: the run has not been measured." in radius_overlay.caption(data)


class TestAxes:
    def test_densities_integrate_to_one(self, runs):
        data = axes.prepare(runs[0])
        for density in (*data.dominating, data.ordinary):
            assert np.sum(density.density * np.diff(density.edges)) == pytest.approx(1)
        assert len(data.centre) == len(data.width) == 16

    def test_dominating_axes_are_named_with_their_numbers(self, runs):
        train = runs[0].splits["train"]
        values = dict(train.values["axes"])
        edges, counts = [0.0, 1.0, 2.0], [3, 1]
        values["dominating"] = [
            {"axis": 5, "centre": 4.0, "fwhm": 9.0, "share_of_square_radius": 0.5, "why": "width"},
            {"axis": 2, "centre": 1.0, "fwhm": 3.0, "share_of_square_radius": 0.1, "why": "width"},
        ]
        values["histograms"] = {
            "axes": [{"axis": 5, "edges": edges, "counts": counts}],
            "ordinary": {"edges": edges, "counts": counts},
        }
        values["per_axis"] = {"centre": [4.0 if a == 5 else 0.0 for a in range(16)], "fwhm": [9.0] * 16}
        run = replace(runs[0], splits={"train": replace(train, values={**train.values, "axes": values})})
        data = axes.prepare(run)
        assert [density.axis for density in data.dominating] == [5]
        assert data.others == (2,)
        assert np.allclose(data.dominating[0].density, [0.75, 0.25])
        says = axes.caption(data)
        assert "axis 5 is centred at 4 and 9 wide at half height" in says
        assert "(2 stand out too, without a curve)" in says

    def test_collapsed_axes_count_as_neither(self, runs):
        train = runs[0].splits["train"]
        values = AxesMeasure().measure(LatentCodes.of(np.zeros((30, 16)), np.zeros((30, 16))), np.random.default_rng(0))
        run = replace(runs[0], splits={"train": replace(train, values={"axes": values.values})})
        data = axes.prepare(run)
        assert data.ordinary is None
        assert "16 collapsed axes count as neither. No axis stands out." in axes.caption(data)
        assert isinstance(axes.draw(data), Figure)


class TestCurves:
    def test_losses_end_where_the_log_ends(self, runs):
        data = losses.prepare(runs)
        assert data.with_kl == (False, True, True)
        assert data.curves[2]["held-out"].values["kl"][-1] == runs[2].history[-1]["kl"]
        assert np.allclose(data.curves[0]["train"].epoch, np.arange(1, 13))
        says = losses.caption(data)
        assert "digits-ae: after 12 epochs the total is 75 on training images and 76.5 on held-out images." in says

    def test_steps_within_an_epoch_are_parts_of_it(self, runs):
        record = {"split": "train", "total": 1.0, "reconstruction": 1.0, "kl": 0.0}
        history = [
            {**record, "step": 5, "epoch": 1},
            {**record, "step": 10, "epoch": 1},
            {**record, "step": 20, "epoch": 2},
        ]
        data = losses.prepare([replace(runs[0], history=history)])
        assert np.allclose(data.curves[0]["train"].epoch, [0.5, 1, 2])

    def test_inertia_is_a_share_of_the_variance(self, runs):
        data = inertia.prepare(runs)
        train = runs[1].splits["train"].values
        expected = np.array(train["inertia"]["inertia"]) / train["pca"]["total_variance"]
        assert np.allclose(data.curves[1].share, expected)
        assert 0 < data.curves[1].share.min() < data.curves[1].share.max() < 1

    def test_pca_caption(self, runs):
        values = runs[0].splits["train"].values["pca"]
        says = pca.caption(pca.prepare([runs[0]]))
        assert f"{values['explained'][0]:.0%}".replace("%", " %") in says
        assert f"90 % take {values['needed']['90']} of 16" in says

    def test_kl_is_sorted_and_counted(self, runs):
        data = kl.prepare(runs)
        assert data.left_out == (("digits-ae", "these codes have no log-variances"),)
        curve = data.curves[1]
        assert np.all(np.diff(curve.nats) <= 0)
        assert curve.total == pytest.approx(runs[2].splits["train"].values["kl"]["total"])
        assert f"{curve.above} of 16 axes above 0.01 nats" in kl.caption(data)

    def test_curves_of_different_numbers_of_codes_come_with_a_warning(self, runs):
        inertia_warning = "fewer codes alone lower the inertia at the same k"
        pca_warning = "fewer codes alone raise the share of the leading components"
        says = held_out.caption(held_out.prepare(runs[0]))
        assert f"of 300 and 100 codes, and {pca_warning} and lower the inertia at the same k." in says
        short = replace(runs[1], splits={"train": runs[1].splits["held-out"]})
        for module, warning in ((inertia, inertia_warning), (pca, pca_warning)):
            assert warning not in module.caption(module.prepare(runs))
            assert f"of 300 and 100 codes, and {warning}." in module.caption(module.prepare([runs[0], short]))

    def test_held_out_has_both_splits_in_every_panel(self, runs):
        data = held_out.prepare(runs[0])
        assert data.n == {"train": 300, "held-out": 100}
        assert [set(curves) for _, _, curves in data.panels] == [{"train", "held-out"}] * 3


class TestPlanes:
    def test_windows_hold_what_the_measure_counted(self, runs):
        data = planes.prepare(runs[2])
        for plane in data.planes:
            assert plane.null is not None
            for window in plane.windows:
                assert len(window.rows) == window.count
        assert data.planes[0].windows[0].count == 300

    def test_null_points_are_counted_in_the_same_window(self, runs):
        train = runs[2].splits["train"]
        shifted = replace(train, null_points={**train.points})
        data = planes.prepare(replace(runs[2], splits={"train": shifted}))
        window = data.planes[0].windows[-1]
        assert np.array_equal(window.rows, window.null_rows)
        says = planes.caption(replace(data, planes=data.planes[:1]))
        assert f"holds {window.count} codes and {window.count} null points" in says
        assert "component 1 and component 2" in says

    def test_without_a_null_the_caption_says_so(self, payloads):
        assert "No null was drawn." in planes.caption(planes.prepare(payloads["unlabelled"]))


class TestTsne:
    def test_null_stands_beside_the_first_map(self, runs):
        data = tsne.prepare(runs[0])
        assert [panel.null for panel in data.panels] == [False, True, False]
        assert [panel.title for panel in data.panels][2] == "first 2 components"

    def test_caption_has_the_divergences_of_the_measure(self, runs):
        says = tsne.caption(tsne.prepare(runs[0]))
        for made in runs[0].splits["train"].values["tsne"]["maps"]:
            assert f"{made['divergence']:.3g}" in says
        assert "300 training codes" in says
        assert "Coloured by digit" in says

    def test_points_off_the_map_are_not_drawn(self, runs):
        train = runs[0].splits["train"]
        x = train.points["tsne.standard.x"].copy()
        x[10:] = np.nan
        part = replace(train, points={**train.points, "tsne.standard.x": x})
        data = tsne.prepare(replace(runs[0], splits={"train": part}))
        assert list(data.panels[0].rows) == list(range(10))
        assert "10 of 300 training codes" in tsne.caption(data)


class TestFiles:
    def test_every_figure_as_png_and_svg(self, payloads, tmp_path):
        folder = tmp_path / "figures"
        left_out = write_figures(payloads["tiny"], folder)
        assert set(left_out) == {"kl", "planes", "lineup", "tsne", "held_out", *LADDER}
        names = {path.name for path in folder.iterdir()}
        assert names == {f"{name}.{suffix}" for name in set(FIGURES) - set(left_out) for suffix in ("png", "svg")}
        with Image.open(folder / "radius.png") as picture:
            assert picture.size[0] == 1500
            assert picture.convert("RGBA").getpixel((0, 0))[3] == 0

    def test_what_a_run_no_longer_has_is_removed_and_other_files_stay(self, payloads, tmp_path):
        (tmp_path / "kl.png").write_bytes(b"old")
        (tmp_path / "mine.png").write_bytes(b"mine")
        write_figures(payloads["tiny"], tmp_path)
        assert not (tmp_path / "kl.png").exists()
        assert (tmp_path / "mine.png").read_bytes() == b"mine"

    def test_a_failure_writes_nothing(self, payloads, tmp_path, monkeypatch):
        def broken(self, target):
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="disk full"):
            write_figures(payloads["tiny"], tmp_path / "figures")
        monkeypatch.undo()
        assert not list(tmp_path.rglob("*.*"))
