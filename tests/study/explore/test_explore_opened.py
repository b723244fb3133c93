"""Opening: runs that lack a part, files of codes with labels, images and measures, and several runs side by side."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from zscope.errors import CodesError, FormatError, ParameterError
from zscope.measures.pca import principal_axes
from zscope.runs.formats import write_json
from zscope.runs.run import Run
from zscope.runs.store import ImageStore
from zscope.study.codes import CodesRequest, measure_file
from zscope.study.explore import Answer, Explored, open_exploration
from zscope.study.explore.kept import has_judge, kept_judge
from zscope.study.measure import MeasureSettings


def test_a_session_holds_all_that_a_page_must_know(home):
    answer = open_exploration([home / "vae", home / "ae"]).session()
    data = json.loads(json.dumps(answer.data, allow_nan=False))
    assert data["name"] == "vae and ae"
    assert data["limits"] == {"thumbnails": 400, "places": 256, "draws": 256, "lineup_panels": 20, "side": 32}
    assert data["links"] == [{"a": "0", "b": "1", "common": 400}]
    first, second = data["runs"]
    assert (first["id"], first["n"], first["d"], first["decoder"], first["images"]) == ("0", 400, 5, True, True)
    assert first["shape"] == [8, 8, 1]
    assert sum(first["splits"].values()) == 400
    assert first["label_column"] == "digit"
    columns = {one["name"]: one for one in first["columns"]}
    assert columns["digit"]["kind"] == "category"
    assert columns["digit"]["values"] == [str(one) for one in range(10)]
    assert columns["id"]["kind"] == "text"
    assert columns["radius"]["min"] > 0
    assert "pc1" not in columns  # components are computed, of both splits alike
    assert first["verdicts"] == [{"claim": "voids", "holds": None, "strength": "undecided", "says": "Too few codes."}]
    assert [one["null"] for one in first["maps"]] == [True, False]
    assert first["maps"][1]["title"] == "t-SNE standard, held-out codes"
    assert {"x": "pc1", "y": "pc2", "title": "components 1 and 2"} in first["planes"]
    assert {"x": "radius", "y": "kl", "title": "radius and KL"} in first["planes"]
    computed = [one["name"] for one in first["columns"] if one["computed"]]
    assert computed == ["neighbour_distance", "reconstruction_error"]
    assert first["judge"] is False
    assert first["recommended"] is None
    assert second["notes"][0].startswith("The run has not been measured")


def test_every_code_has_the_image_that_it_was_made_from(vae):
    rows = np.array([0, 57, 399])
    again = vae.opened.model.encode(vae.opened.pictures.of(rows)).mean.numpy()
    np.testing.assert_allclose(again, vae.opened.codes[rows], atol=1e-4)


def test_standard_deviations_of_components_are_those_of_the_training_codes(vae):
    train = vae.opened.codes[vae.opened.train]
    expected = np.sqrt(principal_axes(train).variances)
    np.testing.assert_allclose(vae.about("0")["component_sd"], expected, rtol=1e-12)


def test_a_run_without_model_or_images_still_opens(home, tmp_path):
    shutil.copytree(home / "ae", tmp_path / "ae")
    run = Run.open(tmp_path / "ae")
    run.save(data={**run.data, "store": "gone"})
    (tmp_path / "ae" / "model" / "model.safetensors").unlink()
    explored = Explored.of_run(Run.open(tmp_path / "ae"))
    about = explored.about("0")
    assert (about["decoder"], about["images"], about["shape"]) == (False, False, None)
    assert any("Nothing can be decoded: " in note for note in about["notes"])
    assert any("its image store gone is gone" in note for note in about["notes"])
    point = explored.point(0, 3)
    assert set(point.buffers) == {"code"}
    with pytest.raises(CodesError, match="there are no images: "):
        explored.thumbnails([0])


def test_codes_of_another_model_are_not_decoded(home, tmp_path):
    shutil.copytree(home / "ae", tmp_path / "ae")
    path = tmp_path / "ae" / "latents" / "manifest.json"
    path.write_text(path.read_text().replace('"model": "', '"model": "other'))
    explored = Explored.of_run(Run.open(tmp_path / "ae"))
    assert explored.about("0")["decoder"] is False
    assert "its codes are of another model: zscope encode" in explored.opened.why_no_model


def test_a_run_must_have_been_encoded(home, tmp_path):
    shutil.copytree(home / "ae", tmp_path / "ae", ignore=shutil.ignore_patterns("latents"))
    with pytest.raises(FormatError, match=r"encode the run first \(zscope encode RUN\)"):
        open_exploration([tmp_path / "ae"])


def test_a_study_is_opened_with_all_its_runs(home, tmp_path):
    shutil.copytree(home / "ae", tmp_path / "one")
    shutil.copytree(home / "vae", tmp_path / "two")
    content = {"name": "both", "label": "digit", "file": "", "runs": ["one", "two"]}
    write_json(tmp_path / "study.json", "zscope-study", 1, content)
    exploration = open_exploration([tmp_path])
    assert exploration.name == "both"
    assert [run.opened.name for run in exploration.runs.values()] == ["one", "two"]


def test_links_name_the_row_of_the_same_image(home, codes_file):
    exploration = open_exploration([home / "vae", home / "ae", codes_file])
    link = exploration.link("0", "1")
    assert isinstance(link, Answer)
    ids = [exploration.run(key).opened.ids for key in "01"]
    assert link.data["common"] == 400
    assert [ids[1][row] for row in link.buffers["rows"]] == ids[0]
    assert link.buffers["rows"].dtype == np.int32
    none = exploration.link("0", "2")  # rows of a file of codes are not ids of digits
    assert none.data["common"] == 0
    assert (none.buffers["rows"] == -1).all()
    with pytest.raises(ParameterError, match="run must be one of 0, 1, 2, got 7"):
        exploration.link("0", "7")


def test_files_of_one_length_are_taken_to_be_in_one_order(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("a", 50), ("b", 50), ("c", 40)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(n, 3)).astype(np.float32))
    exploration = open_exploration([tmp_path / f"{name}.npy" for name in "abc"])
    np.testing.assert_array_equal(exploration.link("0", "1").buffers["rows"], np.arange(50))
    assert exploration.link("0", "2").data["common"] == 0


def test_codes_bring_images_of_either_shape(tmp_path):
    rng = np.random.default_rng(1)
    codes, images = rng.normal(size=(20, 3)), rng.integers(0, 256, (20, 6, 4), dtype=np.uint8)
    np.save(tmp_path / "codes.npy", codes)
    np.save(tmp_path / "grey.npy", images)
    np.save(tmp_path / "colour.npy", np.repeat(images[..., None], 3, axis=3))
    grey = Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "grey.npy")
    np.testing.assert_array_equal(grey.point(7).buffers["image"], images[7][..., None])
    colour = Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "colour.npy")
    assert colour.about("0")["shape"] == [6, 4, 3]
    np.save(tmp_path / "few.npy", images[:19])
    with pytest.raises(CodesError, match=r"few.npy must hold one image for each of 20 codes, in their order, got 19"):
        Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "few.npy")
    np.save(tmp_path / "float.npy", images / 255)
    with pytest.raises(FormatError, match=r"must hold images, uint8 .* got float64 of shape \(20, 6, 4\)"):
        Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "float.npy")
    with pytest.raises(FormatError, match=r"none.npy cannot be read as images: No such file"):
        Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "none.npy")


def test_codes_take_the_images_of_a_store(home, tmp_path):
    store = ImageStore.open(Path(Run.open(home / "ae").data["store"]))
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).normal(size=(len(store), 2)))
    explored = Explored.of_codes(tmp_path / "codes.npy", images=store.path)
    np.testing.assert_array_equal(explored.point(11).buffers["image"], store.images[11])


def test_bad_rows_are_refused_or_left_out_with_their_images(tmp_path):
    codes = np.random.default_rng(2).normal(size=(30, 3)).astype(np.float32)
    codes[4, 1] = np.nan
    images = np.arange(30, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    np.save(tmp_path / "codes.npy", codes)
    np.save(tmp_path / "images.npy", images)
    with pytest.raises(CodesError, match=r"1 of 30 rows holds NaN or infinity \(row 4, .*--drop-bad leaves them out"):
        Explored.of_codes(tmp_path / "codes.npy")
    explored = Explored.of_codes(tmp_path / "codes.npy", images=tmp_path / "images.npy", drop_bad=True)
    assert explored.opened.n == 29
    point = explored.point(4)
    assert point.data["id"] == "5"
    assert (point.buffers["image"] == 5).all()
    assert explored.opened.notes[0].startswith("1 of 30 rows holds NaN or infinity (row 4")


def test_measures_beside_the_file_are_taken_up_if_they_are_of_these_codes(tmp_path):
    rng = np.random.default_rng(4)
    np.save(tmp_path / "made.npy", rng.normal(size=(80, 3)).astype(np.float32))
    quick = MeasureSettings(draws=2)
    measure_file(CodesRequest(tmp_path / "made.npy", settings=quick), tmp_path / "made.zscope", log=lambda line: None)
    explored = open_exploration([tmp_path / "made.zscope"]).run("0")
    assert explored.opened.name == "made.npy"
    assert "radius" in explored.opened.points.column_names
    assert explored.about("0")["verdicts"]
    np.save(tmp_path / "made.npy", rng.normal(size=(80, 3)).astype(np.float32))
    changed = Explored.of_codes(tmp_path / "made.npy")
    assert "radius" not in changed.opened.points.column_names
    assert "holds measures of other codes" in changed.opened.notes[0]


def test_what_cannot_be_opened_is_named(home, codes_file, tmp_path):
    with pytest.raises(ParameterError, match="RUN must name at least one run, study or file of codes"):
        open_exploration([])
    with pytest.raises(ParameterError, match="RUN must be named once each"):
        open_exploration([home / "ae", home / "vae" / ".." / "ae"])
    for paths in ([home / "ae"], [codes_file, home / "ae"], [home / "ae", home / "vae"]):
        with pytest.raises(ParameterError, match="--labels must be given with a single file of codes"):
            open_exploration(paths, labels=codes_file.with_name("labels.csv"))
    with pytest.raises(FormatError, match="is no run folder"):
        open_exploration([tmp_path])
    with pytest.raises(FormatError, match=r"none.npy does not exist"):
        open_exploration([tmp_path / "none.npy"])


def test_a_judge_of_other_rows_is_neither_taken_nor_trained(home, tmp_path):
    shutil.copytree(Path(Run.open(home / "ae").data["store"]), tmp_path / "store")
    store = ImageStore.open(tmp_path / "store")
    assert not has_judge(store)
    with pytest.raises(CodesError, match="holds no judge of these images"):
        kept_judge(store, "cpu")
    (tmp_path / "store" / "judge").mkdir()
    about = {"data": store.hash, "outputs": 3, "accuracy": {}}
    write_json(tmp_path / "store" / "judge" / "config.json", "zscope-judge", 1, about)
    assert has_judge(store)
    with pytest.raises(CodesError, match="holds no judge of these images"):
        kept_judge(store, "cpu")
    assert [path.name for path in (tmp_path / "store" / "judge").iterdir()] == ["config.json"]
