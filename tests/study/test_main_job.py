"""The main job on small digits: a study trains, encodes, measures and samples, and is cheap to repeat."""

import json
import signal

import numpy as np
import pytest
import yaml

from zscope.errors import CodesError, ExistsError, FormatError, ParameterError
from zscope.generation import DEFAULT_CLOUDS
from zscope.measures import MEASURES
from zscope.models import Autoencoder
from zscope.runs.latents import MEASURED_COLUMN, Latents
from zscope.runs.run import Run
from zscope.study.encode import encode
from zscope.study.measure import measure_run
from zscope.study.sample import sample_run
from zscope.study.spec import Sampling, read_spec
from zscope.study.study import StudyOptions, open_study, run_study

STUDY = """
name: small
source: digits
train: {preset: digits, epochs: 2, limit: 300, z_dim: 4, filters: [8, 8], strides: [2, 2], precision: fp32}
runs:
  ae: {model: ae}
  working: {model: vae, beta: 1}
measure: {draws: 5}
sample: {n: 5, clouds: [normal, axes, covariance]}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    file = folder / "small.yaml"
    file.write_text(STUDY)
    spec, text = read_spec(file)
    from zscope.data import prepare

    store = prepare("digits", root=folder / "store")
    payload = run_study(spec, text, store, folder / "out", StudyOptions(), log=lambda line: None)
    return folder, spec, text, store, payload


def test_every_run_is_whole(study):
    folder, _, _, store, payload = study
    assert [run.name for run in payload.runs] == ["ae", "working"]
    for run in payload.runs:
        path = folder / "out" / run.name
        assert Run.open(path).state == "finished"
        assert run.originals.shape == run.reconstructions.shape == (5, 8, 8, 1)
        assert [sample.spec for sample in run.samples] == ["normal", "axes", "covariance"]
        assert list(run.splits) == ["train", "held-out"]
        assert sum(split.n for split in run.splits.values()) == 300
        assert run.label_column == "digit"
    held_out = store.split[store.selection(300)] != "train"
    assert payload.runs[0].splits["held-out"].n == held_out.sum()


def test_latents_are_the_encoder_s_means_in_float32(study):
    folder, _, _, store, _ = study
    for name in ("ae", "working"):
        latents = Latents.open(folder / "out" / name / "latents")
        model = Autoencoder.from_pretrained(folder / "out" / name)
        rows = store.selection(300)
        posterior = model.encode(np.asarray(store.images[rows]))
        np.testing.assert_allclose(latents.mean(), posterior.mean.numpy(), atol=1e-5)
        assert latents.mean().dtype == np.float32
        assert latents.points["id"].to_pylist() == [store.ids[row] for row in rows]
        if name == "working":
            np.testing.assert_allclose(latents.logvar(), posterior.logvar.numpy(), atol=1e-5)
        else:
            assert latents.logvar() is None


def test_measures_of_each_split_are_those_of_its_codes(study):
    folder, _, _, _, payload = study
    latents = Latents.open(folder / "out" / "working" / "latents")
    for split in payload.runs[1].splits.values():
        rows = latents.split(split.name)
        lengths = np.linalg.norm(latents.mean(rows).astype(float), axis=1)
        assert split.values["radius"]["mean"] == pytest.approx(lengths.mean(), rel=1e-6)
        np.testing.assert_allclose(split.points["radius"], lengths, rtol=1e-5)
        mean, logvar = latents.mean(rows).astype(float), latents.logvar(rows).astype(float)
        kl = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
        assert split.values["kl"]["total"] == pytest.approx(kl.mean(), rel=1e-5)
        assert {*split.values, *split.skipped} == {measure.name for measure in MEASURES}


def test_names_of_measured_columns_are_reserved(study):
    """What measures add to the points is named by the pattern that labels may not match."""
    folder, *_ = study
    points = Latents.open(folder / "out" / "working" / "latents").points
    added = [name for name in points.column_names if name not in ("id", "split", "digit")]
    assert len(added) > 8
    assert [name for name in added if not MEASURED_COLUMN.fullmatch(name)] == []


def test_latents_of_either_precision_are_measured_and_sampled(study):
    folder, spec, *_ = study
    run = Run.open(folder / "out" / "working")
    lines = []
    try:
        encode(run, precision="bf16", device="cpu", log=lines.append)
        assert any("differ from those of fp32 by up to 0." in line for line in lines)
        assert encode(run, log=lines.append).manifest["precision"] == "bf16"
        assert lines[-1] == f"{run.latents}: up to date"
    finally:
        encode(run, precision="fp32", device="cpu", log=lines.append)
        measure_run(run, Latents.open(run.latents), spec.measure.settings(), force=True, log=lines.append)


def test_default_clouds_that_too_few_codes_fit_are_left_out(study, tmp_path):
    _, spec, text, store, _ = study
    few = spec.model_copy(update={"runs": {"ae": {"model": "ae"}}, "sample": Sampling(n=2)})
    lines = []
    payload = run_study(few, text, store, tmp_path / "out", StudyOptions(epochs=1, limit=15), log=lines.append)
    assert [sample.spec for sample in payload.runs[0].samples] == [spec for spec in DEFAULT_CLOUDS if spec != "mixture"]
    assert any("mixture" in line and "is left out" in line and "at least 20 codes" in line for line in lines)
    manifest = json.loads((tmp_path / "out" / "ae" / "samples" / "manifest.json").read_text())
    assert [spec.partition(":")[0] for spec in manifest["left_out"]] == ["mixture"]
    run = Run.open(tmp_path / "out" / "ae")
    latents = Latents.open(run.latents)
    sample_run(run, latents, n=2, log=lines.append)
    assert lines[-1].endswith("up to date")
    for named in (["mixture"], list(DEFAULT_CLOUDS)):
        with pytest.raises(CodesError, match="at least 20 codes"):
            sample_run(run, latents, clouds=named, n=2, log=lines.append)


def test_a_folder_that_holds_another_page_is_refused(study, tmp_path):
    _, spec, text, store, _ = study
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(ExistsError, match=r"report\.html exists and is no study's; give --force"):
        run_study(spec, text, store, tmp_path, StudyOptions(), log=lambda line: None)
    (tmp_path / "study.json").write_text('{"name": "of another program"}')
    with pytest.raises(ExistsError, match=r"study\.json exists and is no study's"):
        run_study(spec, text, store, tmp_path, StudyOptions(), log=lambda line: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "study.json"]


def test_ctrl_c_in_the_last_step_of_a_run_stops_the_study(study, tmp_path):
    _, spec, text, store, _ = study

    def stop(what, done, total, /, **figures):
        if what.startswith("epoch") and done == total:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_study(spec, text, store, tmp_path / "out", StudyOptions(epochs=1), progress=stop, log=lambda line: None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ae"]
    assert Run.open(tmp_path / "out" / "ae").state == "finished"


def test_the_ae_says_why_it_has_no_kl(study):
    payload = study[-1]
    assert "log-variances" in payload.runs[0].splits["train"].skipped["kl"]


def test_the_kl_of_the_log_is_that_of_the_codes(study):
    """Same posterior, two implementations: the training's own mean over the held-out images, and the measure's."""
    run = study[-1].runs[1]
    logged = [record for record in run.history if record["split"] == "held-out"][-1]["kl"]
    assert logged == pytest.approx(run.splits["held-out"].values["kl"]["total"], rel=1e-4)


def test_comparison_holds_what_the_runs_hold(study):
    payload = study[-1]
    rows = {figure: values for figure, _, values in payload.comparison.rows}
    assert rows["latent dimensions"] == (4, 4)
    assert rows["radius, peak"] == tuple(run.splits["train"].values["radius"]["peak"] for run in payload.runs)
    assert rows["log-variance, mean"][0] is None
    json.dumps(payload.as_json(), allow_nan=False)


def test_a_repeated_study_does_nothing_and_says_the_same(study):
    folder, spec, text, store, payload = study
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.name != "study.json"}
    lines = []
    again = run_study(spec, text, store, folder / "out", StudyOptions(), log=lines.append)
    after = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.name != "study.json"}
    assert {path for path in after if path.is_file()} == {path for path in before if path.is_file()}
    assert all(after[path] == before[path] for path in before if path.is_file())
    assert sum("up to date" in line for line in lines) == 8
    assert again.findings == payload.findings


def test_another_configuration_is_refused_and_replaced_only_by_force(study, tmp_path):
    folder, spec, text, store, _ = study
    with pytest.raises(ExistsError, match="another configuration"):
        run_study(spec, text, store, folder / "out", StudyOptions(epochs=3), log=lambda line: None)
    one = spec.model_copy(update={"runs": {"ae": {"model": "ae"}}})
    run_study(one, text, store, tmp_path / "out", StudyOptions(epochs=1), log=lambda line: None)
    run_study(one, text, store, tmp_path / "out", StudyOptions(epochs=2, force=True), log=lambda line: None)
    assert Run.open(tmp_path / "out" / "ae").config["training"]["epochs"] == 2


def test_a_study_opens_from_its_folder(study):
    folder, *_, payload = study
    opened = open_study(folder / "out")
    assert opened.findings == payload.findings
    assert opened.study_file == STUDY


def test_latents_follow_the_model(study):
    folder = study[0]
    run = Run.open(folder / "out" / "ae")
    lines = []
    encode(run, log=lines.append)
    assert lines == [f"{run.latents}: up to date"]


def test_a_store_with_other_images_is_refused(study, tmp_path):
    run = Run.open(study[0] / "out" / "ae")
    run.manifest["data"] = {**run.data, "hash": "0" * 64}
    with pytest.raises(FormatError, match="other images"):
        encode(run, force=True, log=lambda line: None)
    run.manifest["data"] = {**run.data, "store": str(tmp_path / "gone")}
    with pytest.raises(FormatError, match="zscope data prepare digits"):
        encode(run, force=True, log=lambda line: None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nsource: digits\nruns: {}", "runs"),
        ("name: x\nruns: {a: {}}", "source"),
        ("name: ../x\nsource: digits\nruns: {a: {}}", "name"),
        ("name: x\nsource: digits\nruns: {a: {}}\nsampel: {}", "sampel"),
        ("- 1", "mapping"),
        ("a: [", "YAML"),
    ],
)
def test_a_wrong_study_file_is_one_line(tmp_path, text, message):
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        read_spec(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_option_of_a_run_is_named_with_the_run(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("name: x\nsource: digits\nruns:\n  good: {}\n  bad: {z_dim: 0}\n")
    with pytest.raises(ParameterError, match=r"runs\.bad\.z_dim must be greater than or equal to 1, got 0"):
        read_spec(file)[0].requests()


def test_shipped_studies_are_valid():
    from pathlib import Path

    files = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
    assert [file.stem for file in files] == ["digits", "lfw", "mnist", "sweep-digits", "sweep-mnist"]
    for file in files:
        spec, _ = read_spec(file)
        assert yaml.safe_load(file.read_text())["name"] == file.stem
        assert len(spec.requests()) == {"sweep-digits": 14, "sweep-mnist": 12}.get(file.stem, 3)


def test_findings_point_to_figures_that_show_the_run(study):
    for finding in study[-1].findings:
        if finding.claim == "collapsed_axes":
            assert finding.figure == (None if finding.run == "ae" else "kl")
