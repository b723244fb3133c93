"""``zscope path`` as a user calls it, and what lies around a code."""

import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zscope.cli import main
from zscope.cli.main import run as zscope
from zscope.cli.sample import kept_elsewhere
from zscope.clouds import cloud
from zscope.errors import CodesError, ParameterError
from zscope.figures import around as around_figure
from zscope.figures import path as path_figure
from zscope.models import Autoencoder
from zscope.runs import Latents, Run
from zscope.runs.formats import read_json
from zscope.study.arithmetic import Wanted, arithmetic_run
from zscope.study.around import around_run, noise_run, write_around
from zscope.study.path import _findings, meaningless, path_run
from zscope.study.strips import Strip

SMALL = ["--epochs", "3", "--limit", "500", "--z-dim", "8", "--filters", "8,16", "--strides", "2,2", "--quiet"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for kind in ("ae", "vae"):
            assert zscope(["train", "digits", *SMALL, "--model", kind, "--out", kind]) == 0
            assert zscope(["encode", kind, "--quiet"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def _inside(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setitem(main.COMMANDS, "path", "zscope.cli.path")


def opened(name):
    run = Run.open(Path(name))
    return run, Latents.open(run.latents)


def quietly(line):
    """Take a line and say nothing."""


def brightness(images):
    """A judge that knows only how bright an image is."""
    return images.reshape(len(images), -1).mean(axis=1) / 100


def test_all_four_paths_with_their_figures(capsys, home):
    points = opened("ae")[1].points
    start = points["id"][3].as_py()
    arguments = [
        "path",
        "ae",
        "--from",
        start,
        "--to",
        "7",
        "--how",
        "all",
        "--steps",
        "6",
        "--no-judge",
        "--json",
        "--quiet",
    ]
    assert zscope([*arguments, "--out", "all"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["from"] == {"row": 3, "id": start, "split": points["split"][3].as_py()}
    assert found["to"]["row"] == 7
    paths = {path["how"]: path for path in found["paths"]}
    assert list(paths) == ["linear", "spherical", "graph", "geodesic"]
    for path in paths.values():
        assert len(path["frames"]) == 6
        assert path["image_length_converged"]
        assert path["image_length"] >= found["image_chord"] * (1 - 1e-3)
        assert path["latent_length"] >= paths["linear"]["latent_length"] * (1 - 1e-6)
        between = [frame["code_distance"] for frame in path["frames"][1:-1]]
        assert path["worst_frame"]["value"] == max(between)
        assert path["worst_frame"]["frame"] == 1 + between.index(max(between))
    assert paths["geodesic"]["image_length"] <= 1.01 * min(path["image_length"] for path in paths.values())
    assert paths["geodesic"]["energy"] <= paths["geodesic"]["energy_before"]
    manifest = read_json(home / "all" / "strips.json", "zscope-strips", 1)
    assert [one["name"] for one in manifest["files"]] == list(paths)
    codes = np.load(home / "all" / manifest["files"][0]["codes"])
    ends = opened("ae")[1].mean(np.array([3, 7]))
    np.testing.assert_allclose(codes, np.linspace(0, 1, 6)[:, None] * (ends[1] - ends[0]) + ends[0], atol=1e-5)
    images = np.load(home / "all" / manifest["files"][0]["images"])
    np.testing.assert_array_equal(images, Autoencoder.from_pretrained("ae").decode_all(codes))
    with Image.open(home / "all" / "strips.png") as picture:
        assert picture.size[0] == 1500
    assert zscope([*arguments, "--out", "all"]) == 2
    assert "--out must be new (or give --force)" in capsys.readouterr().err


def test_a_picture_lands_in_the_run_or_where_asked(capsys, home):
    assert zscope(["path", "vae", "--from", "0", "--to", "1", "--steps", "3", "--no-judge", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "vae/paths/0-1-linear.png"
    assert any(line.startswith("linear") for line in lines)
    assert (home / "vae" / "paths" / "0-1-linear.png").exists()
    assert zscope(["path", "vae", "--from", "0", "--to", "1", "--out", "one.svg", "--no-judge", "--quiet"]) == 0
    assert (home / "one.svg").read_text().startswith("<?xml")


def test_arithmetic_adds_the_difference_of_two_means(capsys, home):
    run, latents = opened("ae")
    train = latents.split("train")
    digit = latents.points["digit"].to_numpy()
    codes = latents.mean(train).astype(float)
    wanted = codes[digit[train] == 3].mean(axis=0) - codes[digit[train] != 3].mean(axis=0)
    found = arithmetic_run(run, latents, ["5", "6"], "digit=3:+2", steps=5, device="cpu")
    assert found.strips[0].at == (-2, -1, 0, 1, 2)
    np.testing.assert_allclose(found.strips[0].codes[4], latents.mean(np.array([5]))[0] + 2 * wanted, atol=1e-4)
    payload = found.as_json()
    assert payload["vector"]["n_with"] == (digit[train] == 3).sum()
    auc = payload["vector"]["auc_held_out"]
    assert auc["n_with"] + auc["n_without"] == len(latents) - len(train)
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert auc["value"] > 0.7
    # The same from two files of images, one by ids and one by rows; then the vector is of these images only.
    ids = latents.points["id"].to_pylist()
    (home / "threes.txt").write_text("\n".join(ids[row] for row in train if digit[row] == 3) + "\n\n")
    (home / "others.txt").write_text("\n".join(str(row) for row in train if digit[row] != 3))
    arguments = [
        "path",
        "ae",
        "--from",
        "5",
        "--arithmetic",
        "threeness:+2",
        "--steps",
        "5",
        "--no-judge",
        "--quiet",
        "--json",
    ]
    assert zscope([*arguments, "--with", "threes.txt", "--without", "others.txt"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["vector"]["length"] == pytest.approx(payload["vector"]["length"], rel=1e-6)
    assert again["vector"]["auc_held_out"] is None
    assert "cannot be tried on held-out codes" in " ".join(again["says"])
    assert again["figure"] == "ae/paths/threeness.png"


def test_arithmetic_needs_a_label_that_says_yes_or_no():
    run, latents = opened("ae")
    for text, message in [
        ("digit:+2", r"be digit=VALUE:FACTOR, .* \(its values: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\)"),
        ("digit=12:+2", r"name a value of digit \(0, 1, 2, 3, 4, 5, 6, 7, 8, 9\), got 12"),
        ("smile:+2", r"name a label \(digit\), or --with and --without, got smile"),
    ]:
        with pytest.raises(ParameterError, match=message):
            arithmetic_run(run, latents, ["1"], text, device="cpu")
    points = latents.points
    for values in ([True, False], [1, 0], [1, -1]):
        column = np.resize(np.array(values), len(latents))
        table = points.append_column("odd", [column.tolist()])
        found = arithmetic_run(run, Latents(latents.path, latents.manifest, table), ["1"], "odd:1", device="cpu")
        train = latents.split("train")
        assert found.about["vector"]["n_with"] == (train % 2 == 0).sum()
        if values[0] is True:
            for text in ("odd=true:1", "odd=True:1"):
                again = arithmetic_run(run, Latents(latents.path, latents.manifest, table), ["1"], text, device="cpu")
                np.testing.assert_array_equal(again.strips[0].codes, found.strips[0].codes)


@pytest.mark.parametrize("text", ["smile", "smile:", ":+2", "smile:much", "smile:0", "smile:nan"])
def test_arithmetic_is_a_name_and_a_number(text):
    with pytest.raises(ParameterError, match="LABEL=VALUE:FACTOR"):
        Wanted.parse(text)


def test_a_value_may_hold_a_colon():
    assert Wanted.parse("time=12:30:-1.5") == Wanted("time=12:30", -1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "0"], "--to and --arithmetic must be given one of them, got neither"),
        (["--from", "0", "--to", "1", "--arithmetic", "digit=1:1"], "got both"),
        (["--from", "0", "--to", "0"], "--to must be another image than --from"),
        (["--from", "0", "--from", "2", "--to", "1"], "--from must be given once with --to"),
        (["--from", "0", "--to", "500"], "or a row of the codes, 0 to 499, got 500"),
        (["--from", "nobody.jpg", "--to", "1"], "--from must be the id of an image"),
        (["--from", "0", "--to", "1", "--how", "curved"], "--how must be one of linear, spherical, graph, geodesic"),
        (["--from", "0", "--to", "1", "--weights", "lead"], "weights must be one of latent, image"),
        (["--from", "0", "--to", "1", "--stay", "inf"], "--stay must be at least 0 and finite, got inf"),
        (["--from", "0", "--to", "1", "--out", "x.jpg"], "--out must be a picture (.png, .svg) or a folder, got x.jpg"),
        (["--from", "0", "--arithmetic", "digit=1:1", "--with", "no.txt"], "must be given together"),
        (["--from", "0", "--to", "1", "--with", "no.txt"], "must be given with --arithmetic"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, arguments, message):
    assert zscope(["path", "ae", *arguments, "--no-judge", "--quiet"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert message in errors[0]


def test_a_judge_ranks_the_frames():
    run, latents = opened("ae")
    found = path_run(run, latents, "0", "9", steps=7, quality=brightness, device="cpu", log=quietly)
    strip = found.strips[0]
    np.testing.assert_allclose(strip.quality, brightness(strip.images))
    assert strip.worst == 1 + brightness(strip.images)[1:-1].argmax()
    assert strip.as_json("how")["worst_frame"]["by"] == "quality"
    with pytest.raises(CodesError, match="7 values for 7 images"):
        path_run(run, latents, "0", "9", steps=7, quality=lambda images: np.zeros(2), device="cpu", log=quietly)


def test_the_command_asks_the_judge_of_the_images(capsys, monkeypatch):
    asked = []

    def judge_of(run, latents, store, **_):
        asked.append((run.name, len(latents), len(store)))
        return SimpleNamespace(distance=brightness)

    monkeypatch.setattr("zscope.cli.pictures.judge_of", judge_of)
    assert zscope(["path", "ae", "--from", "0", "--to", "9", "--steps", "5", "--json", "--quiet"]) == 0
    path = json.loads(capsys.readouterr().out)["paths"][0]
    assert asked == [("ae", 500, 1797)]
    assert path["worst_frame"]["by"] == "quality"
    assert path["worst_frame"]["value"] == max(frame["quality"] for frame in path["frames"][1:-1])

    def too_few(run, latents, store, **_):
        raise CodesError("too few are held out")

    monkeypatch.setattr("zscope.cli.pictures.judge_of", too_few)
    assert zscope(["path", "ae", "--from", "0", "--to", "9", "--quiet"]) == 1
    assert "too few are held out; --no-judge holds images against" in capsys.readouterr().err


def test_caption_and_rows_say_what_is_drawn():
    run, latents = opened("ae")
    found = path_run(run, latents, "0", "9", how=["linear", "graph", "linear"], steps=4, device="cpu", log=quietly)
    data = path_figure.prepare(found)
    assert [row.label for row in data.rows] == ["linear", "graph"]
    store = np.load(Path(run.data["store"]) / "images.npy")
    row = np.asarray(pq.read_table(Path(run.data["store"]) / "labels.parquet")["id"]).tolist()
    first = latents.points["id"][0].as_py()
    np.testing.assert_array_equal(data.rows[0].ends[0], store[row.index(first)])
    assert "the two originals" in path_figure.caption(data)
    assert "between the ends" in path_figure.caption(data)
    figure = path_figure.draw(data)
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 1
    assert len(figure.axes) == 1 + 3 * 2
    drawn = panels[0].get_lines()
    np.testing.assert_allclose(drawn[1].get_ydata(), found.strips[1].code_distance)


def test_the_picture_of_a_path_has_square_pixels_and_marks_the_worst_frame():
    run, latents = opened("ae")
    found = path_run(run, latents, "0", "9", how=["linear", "graph"], steps=6, device="cpu", log=quietly)
    figure = path_figure.draw(path_figure.prepare(found))
    strips = [axes for axes in figure.axes if not axes.axison]
    for panel in strips:
        rows, columns = panel.get_images()[0].get_array().shape[:2]
        box = panel.get_window_extent()
        assert box.width / columns == pytest.approx(box.height / rows, rel=1e-9)
    marked = [panel for panel in strips if panel.get_lines()]
    assert len(marked) == 2
    for panel, strip in zip(marked, found.strips, strict=True):
        shown = panel.get_images()[0].get_array()
        (line,) = panel.get_lines()
        begin, end = (round(float(edge)) for edge in line.get_xdata())
        # The frame over the line, brought back to its own pixels, is the worst one.
        frame = shown[:, begin:end, 0][:: shown.shape[0] // 8, :: (end - begin) // 8]
        np.testing.assert_array_equal(frame, strip.images[strip.worst][..., 0])
    words = [text.get_text() for text in figure.texts]
    assert words.count("original") == 2
    assert any("image length" in text and "(typical 1)" in text for text in words)
    assert any("underlined: worst frame between the ends" in text for text in words)


def judged_strip(name, length, quality):
    none = np.empty((0, 2), np.float32)
    images = np.zeros((len(quality), 2, 2, 1), np.uint8)
    ends = (images[0], images[0])
    values = np.asarray(quality, dtype=np.float64)
    at = tuple(np.linspace(0, 1, len(quality)))
    return Strip(name, name, ends, at, none, images, values, values, 1.0, length, True)


@pytest.mark.parametrize(
    ("quality", "says"),
    [
        ([0.5, 0.9, 0.5], None),
        ([0.5, 1.9, 0.5], "No frame between the ends is meaningful"),
        ([1.5, 1.9, 1.25], r"No frame is meaningful, not even the reconstructions at the ends \(1.5 and 1.25, above 1"),
        ([1.5, 0.9, 1.25], "Not meaningful are the reconstructions at the ends"),
        ([0.5, 0.9, 1.25], r"The reconstruction at the last end is not meaningful \(1.25, above 1\)\."),
        ([1.5, 1.9, 0.5], r"The reconstruction at the first end .* nor is any frame between the ends\."),
    ],
)
def test_a_path_without_meaningful_images_is_said(quality, says):
    found = meaningless([judged_strip("linear", 1.0, quality)])
    assert (says is None and not found) or re.match(says, found[0])


def test_paths_that_print_alike_are_a_tie():
    strips = [judged_strip(name, length, [0.5, 0.6, 0.5]) for name, length in (("linear", 1.00001), ("graph", 1.0))]
    assert "Shortest in images: linear and graph alike (1). Worst" in _findings(strips, 0.9)[1]
    strips = [judged_strip(name, length, [0.5, 0.6, 0.5]) for name, length in (("linear", 1.1), ("graph", 1.0))]
    assert "Shortest in images: graph (1). Worst frame best by the judge: linear and graph alike (0.6)." in str(
        _findings(strips, 0.9)[1]
    )


def test_lines_say_which_images_an_id_and_a_row_are(capsys):
    points = opened("ae")[1].points
    first = points["id"][3].as_py()
    arguments = ["path", "ae", "--from", first, "--to", "8", "--steps", "3", "--no-judge", "--quiet", "--force"]
    assert zscope([*arguments, "--out", "named.png"]) == 0
    splits = [points["split"][row].as_py() for row in (3, 8)]
    wanted = f"From {first} (row 3, {splits[0]}) to {points['id'][8].as_py()} (row 8, {splits[1]})."
    assert wanted in capsys.readouterr().out.splitlines()
    assert zscope(["sample", "vae", "--around", "3", "--eps-factor", "1", "--out", "near.png", "--quiet"]) == 0
    assert f"Image {first} (row 3, {splits[0]})." in capsys.readouterr().out.splitlines()


def test_rows_around_a_code_say_their_direction(home):
    run, latents = opened("ae")
    found = around_run(run, latents, "4", m=5, sizes=(0.5, 1.0), quality=brightness, device="cpu")
    train = latents.split("train")
    train = train[train != 4]
    apart = np.linalg.norm(latents.mean(train) - latents.mean(np.array([4])), axis=1)
    wanted = [latents.points["id"][int(row)].as_py() for row in train[np.argsort(apart)[:5]]]
    assert list(found.towards) == wanted == found.as_json()["towards"]
    data = around_figure.prepare(found)
    names = ["random 1", "random 2", "axis 1 +", "axis 1 −", f"towards {wanted[0]}", f"towards {wanted[1]}"]
    assert [label for _, label, _ in data.rows] == names
    figure = around_figure.draw(data)
    (legend,) = figure.legends
    figure.draw_without_rendering()
    panels = [axes.get_window_extent() for axes in figure.axes]
    assert not any(legend.get_window_extent().overlaps(panel) for panel in panels)
    labels = [text.get_window_extent() for text in figure.texts if text.get_text() in names]
    assert len(labels) == 6
    assert not any(label.overlaps(panel) for label in labels for panel in panels)
    assert {"original", "reconstruction"} <= {text.get_text() for text in figure.texts}


def test_a_picture_is_logged_without_a_passing_folder(capsys, home):
    assert zscope(["sample", "vae", "--sampler", "normal", "-n", "3", "--out", "three.png"]) == 0
    errors = capsys.readouterr().err.splitlines()
    assert "3 images from 1 cloud" in errors
    more = ["sample", "vae", "--sampler", "posterior", "--sampler", "axes", "-n", "3", "--eps-factor", "0.5"]
    assert zscope([*more, "--out", "half"]) == 0
    assert "half/samples: 3 images from each of 2 clouds" in capsys.readouterr().err.splitlines()
    clouds = read_json(home / "half" / "samples" / "manifest.json", "zscope-samples", 1)["clouds"]
    assert [entry["label"] for entry in clouds] == [
        "codes of the data, with 0.5 × their noise",
        f"{cloud('axes').label}, of codes with 0.5 × their noise",
    ]


def test_what_lies_around_a_code(home):
    run, latents = opened("ae")
    found = around_run(run, latents, "4", m=5, sizes=(0.5, 1.0, 2.0), quality=brightness, device="cpu")
    again = around_run(run, latents, "4", m=5, sizes=(0.5, 1.0, 2.0), quality=brightness, device="cpu")
    assert found.as_json() == again.as_json()
    json.dumps(found.as_json(), allow_nan=False)
    assert [kind.kind for kind in found.kinds] == ["random", "principal", "neighbour"]
    first = found.kinds[0]
    assert found.as_json()["around"][0]["sizes"][1]["change"]["value"] == pytest.approx(np.median(first.change[1]))
    data = around_figure.prepare(found)
    np.testing.assert_allclose(data.change[0].middle, np.median(first.change, axis=1) / found.neighbour_change)
    assert "medians over directions" in around_figure.caption(data)
    around_figure.write_around_picture(found, home / "around.png")
    write_around(found, home / "around", force=False)
    assert np.load(home / "around" / "neighbour.npy").shape == (3, 5, 8, 8, 1)


def test_a_collapsed_decoder_is_said(monkeypatch):
    run, latents = opened("ae")
    monkeypatch.setattr(Autoencoder, "decode", lambda self, codes: np.full((len(codes), 8, 8, 1), 0.5, np.float32))
    with pytest.raises(CodesError, match="10 of the 10 nearest codes decode to the very image of the code"):
        around_run(run, latents, "4", m=2, sizes=(1.0,), device="cpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--around", "3", "-n", "0"], "-n must be left out with --around, unless --eps-factor is given, got 0"),
        (["--around", "3", "--eps-factor", "1", "-n", "0"], "n must be at least 2, got 0"),
        (["--around", "3", "--eps-factor", "1", "--no-judge"], "--judge must be left out with --eps-factor"),
        (["--around", "3", "--ladder"], "--ladder must be left out with --around"),
        (
            ["--sampler", "recommended", "--eps-factor", "2"],
            "learns from codes now (not normal, uniform, prior or recommended)",
        ),
        (["--no-judge"], "--judge must be given with --around, got --no-judge"),
        (["--directions", "random"], "--directions must be given with --around, got random"),
        (["--around", "3", "--out", "x.jpg"], "--out must be a picture (.png, .svg) or a folder, got x.jpg"),
        (["--ladder", "--out", "x.jpg"], "--out must be a picture (.png, .svg) or a folder, got x.jpg"),
        (["--out", "x.jpg"], "--out must be a picture (.png, .svg) or a folder, got x.jpg"),
    ],
)
def test_what_is_wrong_with_samples_is_one_line(capsys, home, arguments, message):
    assert zscope(["sample", "vae", *arguments, "--quiet"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert message in errors[0]
    assert not (home / "x.jpg").exists()


def test_around_asks_the_judge_unless_told_not_to(capsys, monkeypatch):
    monkeypatch.setattr("zscope.cli.pictures.judge_of", lambda *_, **__: SimpleNamespace(distance=brightness))
    for option, judged in ([], True), (["--judge"], True), (["--no-judge"], False):
        assert zscope(["sample", "vae", "--around", "3", *option, "--json", "--quiet"]) == 0
        assert (json.loads(capsys.readouterr().out)["quality"] is not None) == judged


def test_a_sampler_outside_the_run_is_said_to_be_there(tmp_path):
    saved = {"saved": ["sampler.safetensors"]}
    (line,) = kept_elsewhere(saved, tmp_path / "else", tmp_path / "run")
    assert f"lies in {tmp_path / 'else'}: --sampler recommended" in line
    assert not kept_elsewhere(saved, tmp_path / "run" / ".." / "run", tmp_path / "run")
    assert not kept_elsewhere({"saved": []}, tmp_path / "else", tmp_path / "run")


def test_too_many_images_and_a_run_without_a_model_are_one_line(capsys, home, monkeypatch):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 5.82 TiB")

    many = ["sample", "vae", "--sampler", "normal", "--quiet", "-n"]
    assert zscope([*many, "100000000000"]) == 2
    with monkeypatch.context() as patch:
        patch.setattr("zscope.cli.sample.sample_run", full)
        assert zscope([*many, "1000000"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "n must be at least 1 and at most 1,000,000, got 100000000000" in first
    assert "not enough memory (Unable to allocate 5.82 TiB); fewer images (-n) need less" in second
    (home / "bare").mkdir()
    shutil.copy(home / "vae" / "run.json", home / "bare")
    assert zscope(["sample", "bare", "--quiet"]) == 1
    assert "bare is not finished: it holds no model/model.safetensors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scale", "says"),
    [
        (
            1e-6,
            "The code is not surrounded by chaos: at least half of the directions give a meaningful image in random",
        ),
        (1e6, "The code's own image is not meaningful"),
        (None, "is for the judge to say, and there is none here"),
    ],
)
def test_the_answer_on_chaos_follows_the_judge(scale, says):
    run, latents = opened("ae")
    quality = None if scale is None else lambda images: brightness(images) * scale
    found = around_run(run, latents, "4", m=3, sizes=(1.0, 2.0), quality=quality, device="cpu")
    assert says in found.says[0]


def test_a_code_among_chaos():
    """A judge that accepts nothing but the reconstruction itself."""
    run, latents = opened("ae")
    own = Autoencoder.from_pretrained("ae").decode_all(latents.mean(np.array([4])))

    def quality(images):
        return (images != own).reshape(len(images), -1).any(axis=1) * 5.0

    found = around_run(run, latents, "4", m=3, sizes=(1.0, 2.0), quality=quality, device="cpu")
    assert found.says[0].startswith("The code is surrounded by chaos: ")
    assert "random directions at no size" in found.says[0]


def test_one_image_sampled_many_times(home):
    run, latents = opened("vae")
    found = noise_run(run, latents, "4", n=30, eps_factor=0.5, device="cpu")
    assert found.drawn.images.shape == (30, 8, 8, 1)
    assert found.as_json()["eps_factor"] == 0.5
    around_figure.write_around_picture(found, home / "noise.svg")
    write_around(found, home / "noise", force=False)
    np.testing.assert_array_equal(np.load(home / "noise" / "draws.npy"), found.drawn.images)
    assert "eps_factor 0.5" in around_figure.caption_noise(found)
    with pytest.raises(ParameterError, match="an AE has no posterior noise"):
        noise_run(*opened("ae"), "4", device="cpu")
