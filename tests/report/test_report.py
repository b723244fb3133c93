"""The report: whole, self-contained, escaped, with every finding and every number that it promises."""

import base64
import hashlib
import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zscope.errors import ParameterError
from zscope.explorer.envelope import unpacked
from zscope.figures import samples
from zscope.figures.style import THEMED
from zscope.nulls import CLAIMS
from zscope.report import write_report
from zscope.report.content import _abreast
from zscope.report.evidence import badge_of, null_tables, questions, statistic_words, verdicts_table
from zscope.report.images import small_png, strip_uri
from zscope.report.page import render
from zscope.report.tables import logvar_table
from zscope.study.payload import Comparison, Finding, StudyPayload
from zscope.study.sweep import Sweep, SweepCurve, SweepRow
from zscope.study.transition import Crossing

sys.path.insert(0, str(Path(__file__).parent.parent / "figures"))
import synthetic

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Reader(HTMLParser):
    """Collects what is in a page and checks that its elements are nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        self.addresses += [given[key] for key in ("src", "href", "xlink:href", "srcset", "action") if key in given]
        self.addresses += re.findall(r"url\(([^)]*)\)", given.get("style") or "")
        if tag == "img":
            self.images.append(given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing that is open"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def study() -> StudyPayload:
    return synthetic.study_payload("Three models of digits", synthetic.digit_runs())


@pytest.fixture(scope="module")
def payloads():
    return synthetic.payloads()


@pytest.fixture(scope="module")
def page(study: StudyPayload) -> str:
    return render(study)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("zoom", [False, True])
def test_needs_no_other_host(study, page, zoom):
    page = page if zoom else render(study, zoom=False)
    reader = read(page)
    assert reader.addresses
    assert all(address.startswith(("#", "data:image/")) for address in reader.addresses)
    assert not {"link", "iframe", "object", "embed", "form", "base"} & set(reader.tags)
    assert "@import" not in page
    without = re.sub(r"<script.*?</script>|data:image[^\"]*", "", page, flags=re.DOTALL)
    assert not re.search(r"\bon\w+=", without)
    assert ("script" in reader.tags) == zoom
    assert ("script-src" in page) == zoom


def test_its_one_script_is_the_one_that_its_policy_allows(study, page):
    scripts = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert page.count("<script") == 1 + len(study.runs)


def test_the_points_that_can_be_zoomed_into_are_those_of_the_run(study, page):
    found = re.findall(r'<script type="application/octet-stream" id="points-1">(.*?)</script>', page)
    session, buffers = unpacked(base64.b64decode(found[0]))
    run = session["runs"][0]
    points = study.runs[0].splits["train"].points
    assert run["planes"]
    assert run["maps"]
    for plane in [*run["planes"], *run["maps"]]:
        for name in (plane["x"], plane["y"]):
            np.testing.assert_array_equal(buffers[name], np.asarray(points[name], np.float32))
    column = next(one for one in run["columns"] if one["name"] == run["label_column"])
    texts = [column["values"][code] for code in buffers[run["label_column"]]]
    assert texts == [str(value) for value in points[run["label_column"]]]


def test_more_points_than_a_page_holds_are_told(study, monkeypatch):
    monkeypatch.setattr("zscope.report.zoom.MOST_POINTS", 10)
    page = render(study)
    assert "are more than the 10 that a page holds: zscope explore" in page
    assert "<script" not in page


def test_ids_are_unique_and_every_reference_has_its_target(page):
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    wanted = {address[1:] for address in reader.addresses if address.startswith("#")}
    assert wanted <= set(reader.ids)
    # clip paths are named in attributes as well
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(reader.ids)


def test_all_findings_are_inside_with_their_advice(page, study):
    text = words(" ".join(read(page).text))
    for finding in study.findings:
        assert words(finding.says) in text
        assert finding.advice is None or words(finding.advice) in text


def test_findings_point_to_the_figure_of_their_measure(page, study):
    blocks = re.findall(r'<li class="finding.*?</li>', page, re.DOTALL)
    assert len(blocks) == len(study.findings)
    for run in study.runs:
        says = run.splits["train"].verdicts["radius"]["says"]
        block = next(block for block in blocks if says in words(block).replace("&#39;", "'"))
        number = re.search(r"#figure-(\d+)", block)[1]
        caption = re.search(rf'id="figure-{number}".*?<figcaption>(.*?)</figcaption>', page, re.DOTALL)[1]
        assert "from the origin" in caption
        assert f"{run.splits['train'].values['radius']['peak']:.4g}" in caption


def test_figures_are_numbered_without_gaps(page):
    numbers = [int(n) for n in re.findall(r"<figcaption><b>Figure (\d+)\.</b>", page)]
    assert numbers == list(range(1, len(numbers) + 1))
    # samples, 5 curves; per run: images, radius, axes, 4 planes, lineup, 2 maps, held-out
    assert len(numbers) == 6 + 3 * 11


class TestOpening:
    """Which runs the first picture shows."""

    def made(self, study, count):
        runs = [replace(study.runs[2], name=f"r{place}") for place in range(count)]
        return replace(study, runs=tuple(runs)), list(range(count))

    def test_few_runs_are_all_shown(self, study):
        few, places = self.made(study, samples.ABREAST)
        assert _abreast(few, places) == (places, "")

    def test_of_many_the_first(self, study):
        many, places = self.made(study, 9)
        assert _abreast(many, places) == ([0, 1, 2, 3], "the first of 9 runs; those of the others stand with each")

    @pytest.mark.parametrize(("weights", "shown"), [(7, [0, 4, 8, 12]), (3, [0, 2, 4]), (4, [0, 2, 4, 6])])
    def test_of_a_sweep_weights_from_the_smallest_to_the_largest_of_one_seed(self, study, weights, shown):
        many, places = self.made(study, 2 * weights)
        rows = [SweepRow(f"r{place}", 10.0 ** (place // 2), str(place % 2), {}, None) for place in places]
        none = Crossing("not measured")
        curve = SweepCurve("", 8, tuple(rows), none, none, None)
        swept = replace(many, sweep=Sweep("beta", "held-out", (curve,), ()))
        found, among = _abreast(swept, places)
        assert found == shown
        assert among == f"from the smallest weight to the largest; those of all {2 * weights} runs stand with each"
        # The first seed's run of the largest weight has no model.
        without = [place for place in places if place != 2 * weights - 2]
        assert _abreast(swept, without)[0] == [*shown[:-1], 2 * weights - 1]
        named = replace(many, sweep=Sweep("beta", "held-out", (replace(curve, label="z_dim 8"),) * 2, ()))
        assert _abreast(named, places)[1].startswith("from the smallest weight of z_dim 8 to the largest; ")


def test_comparison_has_every_row_and_column(page, study):
    section = re.search(r'<section id="comparison">.*?</section>', page, re.DOTALL)[0]
    for figure, _, _ in study.comparison.rows:
        assert figure in section
    assert section.count("<tr>") == len(study.comparison.rows) + 1


def test_every_image_has_words(page):
    reader = read(page)
    assert reader.images
    assert all(image["alt"] for image in reader.images)
    assert page.count("<svg") == len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]+"', page))


def test_figures_take_their_colours_from_the_page(page):
    figures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert not [colour for colour in THEMED if colour in figures]
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", page))
    assert {"ink", "rule", "run-1", "run-3"} <= used
    defined = set(re.findall(r"--([a-z0-9-]+):", page))
    assert used <= defined | {"run"}
    assert "<metadata" not in figures
    assert "<style" not in figures


def test_labels_and_names_are_escaped(study):
    evil = "<script>alert(1)</script>"
    run = study.runs[0]
    train = run.splits["train"]
    labels = np.array([evil if i % 2 else "a & b" for i in range(train.n)], dtype=object)
    few = {name: train.values[name] for name in ("radius", "tsne")}
    part = replace(train, values=few, points={**train.points, "digit": labels})
    bad = replace(
        run,
        name=evil,
        label=evil,
        splits={"train": part},
        samples=tuple(replace(sample, label=evil, keeps=evil) for sample in run.samples),
    )
    study = StudyPayload(
        evil, (bad,), (Finding(evil, evil, evil),), Comparison((evil,), ((evil, evil, (1.0,)),)), evil, evil, evil
    )
    assert "script" not in read(render(study, zoom=False)).tags
    page = render(study)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("kind", ["tiny", "unmeasured"])
def test_every_payload_gives_a_page(kind, payloads):
    run = payloads[kind]
    study = StudyPayload("One run", (run,), (), Comparison((run.name,), ()), None, None, "2026-01-02")
    reader = read(render(study))
    text = words(" ".join(reader.text))
    assert "Nothing was measured yet." in text
    if kind == "unmeasured":
        assert "left out, the run has not been measured" in text
        assert "left out, the run was not sampled" in text
    if kind == "tiny":
        assert "a plane needs at least 2 dimensions, the codes have 1" in text


def test_badges():
    assert badge_of(True, "clear").word == "holds"
    assert badge_of(False, "narrow").word == "does not hold"
    assert badge_of(None, "undecided").word == "undecided"
    assert badge_of(None, "not testable").word == "not testable"
    assert badge_of(False, "clear", "radius_explained").word == "radius explained: does not hold"
    assert badge_of(True, "descriptive").word == badge_of(None, "").word == "descriptive"


def null_test(statistic, null, *, value=0.5, p=0.5, n=90):
    return {
        "statistic": statistic,
        "value": value,
        "null": null,
        "null_mean": 0.25,
        "null_sd": 0.125,
        "draws": 99,
        "p": p,
        "effect": 2.0,
        "n": n,
        "of": 100,
        "band": None,
    }


def with_tests(run, **tests):
    train = replace(run.splits["train"], tests=tests, verdicts={})
    return replace(run, splits={"train": train})


def test_claims_at_a_glance(study):
    """A row a claim, a column a run; what holds is bold, and a run that was not asked has a dash."""

    def with_verdicts(run, **decided):
        verdicts = {
            CLAIMS[claim].measure: {"claim": claim, "holds": holds, "strength": strength, "says": "", "advice": None}
            for claim, (holds, strength) in decided.items()
        }
        return replace(run, splits={"train": replace(run.splits["train"], verdicts=verdicts)})

    one = with_verdicts(study.runs[0], voids=(True, "clear"), clusters=(False, "not seen"), collapsed_axes=(True, ""))
    other = with_verdicts(study.runs[1], voids=(None, "undecided"))
    table = verdicts_table([one, other], ["A", "B"])
    assert table.head == ("claim", "A", "B")
    assert table.rows == (("clusters", "✗ not seen", "–"), ("voids", "✓ holds", "? undecided"))
    assert table.marked == {(1, 1)}
    assert verdicts_table([one], ["A"]) is None
    assert verdicts_table([with_verdicts(one), with_verdicts(other)], ["A", "B"]) is None


def test_tests_are_grouped_by_measure_and_null(study):
    few = [
        null_test("twonn", "covariance", p=0.01),
        null_test("twonn", "copula", p=0.011),
        null_test("mle_20", "copula"),
    ]
    many = [null_test(f"figure_{i}", "normal", n=100) for i in range(13)]
    first, second = null_tables(with_tests(study.runs[0], radius=few, tsne=many))
    assert first.title == "Radius of the codes: 2 figures against covariance and copula"
    assert first.groups == (("", 2), ("null: covariance", 3), ("null: copula", 3))
    assert first.head == ("", "codes", "mean ± sd", "effect", "p", "mean ± sd", "effect", "p")
    assert first.rows == (
        (
            "dimension, two nearest neighbours (TwoNN)",
            "0.5",
            *("0.25 ± 0.12", "2", "0.01"),
            *("0.25 ± 0.12", "2", "0.011"),
        ),
        ("dimension, 20 neighbours (maximum likelihood)", "0.5", "–", "–", "–", "0.25 ± 0.12", "2", "0.5"),
    )
    # Only what is at most 0.01 is marked; only a long table is folded.
    assert (first.marked, first.folded, second.folded) == ({(0, 4)}, False, True)
    assert first.note.startswith("99 draws of each null; 90 of 100 codes.")
    assert second.note.startswith("99 draws of each null; 100 codes.")
    page = render(
        StudyPayload("t", (with_tests(study.runs[0], tsne=many),), (), Comparison((), ()), None, None, "2026")
    )
    assert page.count("<details>") == page.count("</details>") == 1
    assert "<summary>t-SNE maps: 13 figures against normal</summary>" in page
    read(page)


def test_statistics_without_words_of_their_own_keep_their_name():
    assert statistic_words("void_share_3d") == "share in voids, leading 3 components"
    assert statistic_words("a_new_figure") == "a new figure"


def test_every_verdict_is_answered_under_its_question(study):
    said = {
        "radius": ("radius_explained", True, "clear"),
        "voids": ("voids", None, "undecided"),
        "other": ("of_a_newer_version", None, "not testable"),
    }
    verdicts = {
        name: {"claim": claim, "holds": holds, "strength": strength, "says": f"About {name}.", "advice": f"Do {name}!"}
        for name, (claim, holds, strength) in said.items()
    }
    run = study.runs[0]
    held_out = replace(run.splits["held-out"], verdicts={"voids": verdicts["voids"]}, tests={})
    both = replace(
        run, splits={"train": replace(run.splits["train"], verdicts=verdicts, tests={}), "held-out": held_out}
    )
    found = questions(both)
    assert [one.asks for one in found] == [
        CLAIMS["radius_explained"].asks,
        CLAIMS["voids"].asks,
        "of a newer version",
    ]
    assert [[answer.split for answer in one.answers] for one in found] == [
        ["training codes"],
        ["training codes", "held-out codes"],
        ["training codes"],
    ]
    page = render(StudyPayload("t", (both,), (), Comparison((), ()), None, None, "2026"))
    section = re.search(r'<ul class="verdicts">.*?</ul>', page, re.DOTALL)[0]
    assert section.count("About voids.") == section.count("Do voids!") == section.count("</span> undecided") == 2
    assert section.count("About radius.") == section.count("</span> holds") == section.count("not testable") == 1


def test_logvar_table_has_the_measured_extremes(page, study):
    values = study.runs[2].splits["train"].values["logvar"]["logvar"]
    assert f"{values['mean']:.5g}".replace("-", "−") in page
    assert page.count("Log-variances of the posteriors</h4>") == 2


def test_logvar_table_says_with_which_noise_it_was_drawn(study):
    train = study.runs[2].splits["train"]
    assert logvar_table(train).note.endswith("Noise clipped at 5 standard deviations.")
    values = {"logvar": {**train.values["logvar"], "clip": None, "factor": 0.5}}
    assert logvar_table(replace(train, values=values)).note.endswith("Noise not clipped, times 0.5.")


def test_small_images_are_embedded_pixel_by_pixel(study):
    images = study.runs[0].originals[:3]
    content = base64.b64decode(strip_uri(images).partition(",")[2])
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    assert np.array_equal(pixels[:, 9:17, 0], images[1, ..., 0])


def test_large_images_are_webp():
    images = np.zeros((2, 96, 96, 3), np.uint8)
    assert strip_uri(images).startswith("data:image/webp;base64,")


def test_fewer_colours_never_make_a_picture_larger_or_another_size():
    noise = np.random.default_rng(0).integers(0, 255, (40, 30, 4), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    small = small_png(stream.getvalue())
    assert len(small) <= len(stream.getvalue())
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == (30, 40)


def test_size_is_bounded(page):
    assert len(page.encode()) < 6e6


def test_written_whole_or_not_at_all(study, page, tmp_path, monkeypatch):
    monkeypatch.setattr("zscope.report.page.render", lambda payload, zoom: page)
    write_report(study, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page

    def broken(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", broken)
    (tmp_path / "report.html").write_text("before", encoding="utf-8")
    with pytest.raises(OSError, match="disk full"):
        write_report(study, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "before"


def test_a_study_without_runs_is_refused(tmp_path):
    empty = StudyPayload("none", (), (), Comparison((), ()), None, None, "2026-01-02")
    with pytest.raises(ParameterError, match="runs must be at least one"):
        write_report(empty, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
