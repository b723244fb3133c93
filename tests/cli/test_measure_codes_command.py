"""``zscope measure CODES`` as a user calls it: what is printed, what is written, and that no torch is loaded for it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from zscope.cli.main import run as zscope
from zscope.cli.measure import verdict_lines
from zscope.cli.tables import text_table
from zscope.measures import AxesMeasure, PrincipalComponentsMeasure, RadiusMeasure
from zscope.study import codes
from zscope.study.payload import SplitPayload

TABLE = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32) * np.array([1, 1, 4], np.float32)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(codes, "MEASURES", (RadiusMeasure(), AxesMeasure(), PrincipalComponentsMeasure()))
    np.save("mine.npy", TABLE)
    return tmp_path


def test_a_file_is_measured_into_a_folder_beside_it(home, capsys):
    assert zscope(["measure", "mine.npy", "--draws", "2"]) == 0
    captured = capsys.readouterr()
    assert "mine.npy: 200 codes of 3 dimensions" in captured.err
    lines = captured.out.splitlines()
    assert lines[0].split() == ["claim", "verdict", "in", "words"]
    assert any(line.split()[:3] == ["dominating", "axes", "descriptive"] for line in lines)
    assert any(line.split()[:3] == ["radius", "explained", "undecided"] for line in lines)  # 2 draws show nothing
    assert lines[-2:] == ["mine.zscope/measures.json", "mine.zscope/report.html"]
    assert "</html>" in (home / "mine.zscope" / "report.html").read_text()
    assert (home / "mine.zscope" / "figures" / "axes.png").exists()
    assert zscope(["measure", "mine.npy", "--draws", "3", "--quiet"]) == 1
    assert "give --force" in capsys.readouterr().err


def test_one_json_object_and_nothing_that_was_not_asked_for(home, capsys):
    command = [
        "measure",
        "mine.npy",
        "--draws",
        "2",
        "--out",
        "there",
        "--no-figures",
        "--no-report",
        "--json",
        "--quiet",
    ]
    assert zscope(command) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["cloud"]["n"] == 200
    assert not (home / "there" / "report.html").exists()
    assert not (home / "there" / "figures").exists()
    assert not (home / "mine.zscope").exists()


def test_without_draws_nothing_is_tested_and_terminal_and_report_say_so(home, capsys):
    assert zscope(["measure", "mine.npy", "--draws", "0"]) == 0
    captured = capsys.readouterr()
    assert "--draws 0: nothing is held against null clouds, and no claim about chance is decided" in captured.err
    assert "radius explained" not in captured.out
    assert (
        "claims about chance (nothing was held against null clouds)"
        in (home / "mine.zscope" / "report.html").read_text()
    )
    measures = json.loads((home / "mine.zscope" / "measures.json").read_text())["measures"]
    assert [entry["name"] for entry in measures if entry["tests"]] == []
    assert [entry["name"] for entry in measures if entry["verdict"]] == ["axes"]  # which describes


def test_labels_colour_the_figures_and_bad_rows_are_dropped_on_request(home, capsys):
    table = TABLE.copy()
    table[3] = np.nan
    np.save("mine.npy", table)
    (home / "kinds.csv").write_text("kind\n" + "a\nb\n" * 100)
    assert zscope(["measure", "mine.npy", "--quiet"]) == 1
    assert "1 of 200 rows holds NaN or infinity (row 3, counted from 0); --drop-bad" in capsys.readouterr().err
    command = ["measure", "mine.npy", "--draws", "2", "--drop-bad", "--labels", "kinds.csv", "--group", "kind"]
    assert zscope([*command, "--no-figures"]) == 0
    assert "1 of 200 rows holds NaN or infinity (row 3, counted from 0): left out" in capsys.readouterr().err
    manifest = json.loads((home / "mine.zscope" / "codes.json").read_text())
    assert (manifest["n"], manifest["dropped"], manifest["labels"], manifest["group"]) == (199, 1, ["kind"], "kind")
    assert "left out for NaN or infinity" in (home / "mine.zscope" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gone.npy"], 1, ["gone.npy", "no such file"]),
        (["empty.npy"], 1, ["empty.npy", "empty"]),
        (["one.npy"], 1, ["one.npy", "reshape(-1, 1)"]),
        (["mine.npy", "--labels", "few.txt"], 1, ["few.txt", "200 rows", "got 2"]),
        (["mine.npy", "--group", "person"], 2, ["group", "person"]),
        (["mine.npy", "--draws", "-1"], 2, ["draws", "-1"]),
        (["mine.npy", "--points", "0"], 2, ["points", "0"]),
        (["mine.npy", "--queries", "0"], 2, ["queries", "0"]),
        (["mine.npy", "--maps", "--map-points", "5"], 2, ["map_points", "5"]),
        (["mine.npy", "--out", "taken"], 1, ["taken", "--force"]),
        (["mine.npy", "--out", "taken", "--force"], 1, ["taken", "codes.json"]),
        (["few.txt"], 1, ["few.txt", "must be a file of codes (.npy"]),
        (["gone"], 1, ["gone", "does not exist"]),
        (["taken", "--labels", "few.txt"], 2, ["labels", "run"]),
        (["taken", "--drop-bad"], 2, ["drop_bad", "run"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(home, capsys, arguments, code, words):
    (home / "empty.npy").write_bytes(b"")
    np.save("one.npy", TABLE[:, 0])
    (home / "few.txt").write_text("a\nb\n")
    (home / "taken").mkdir()
    (home / "taken" / "mine.txt").write_text("keep")
    before = sorted(home.rglob("*"))
    assert zscope(["measure", *arguments, "--quiet"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("zscope: ")
    assert captured.err.count("\n") == 1
    assert all(word in captured.err for word in words), captured.err
    assert sorted(home.rglob("*")) == before


def test_no_torch_is_loaded_for_codes(tmp_path):
    np.save(tmp_path / "mine.npy", TABLE[:40])
    script = (
        "import sys\n"
        "from zscope.cli.main import run\n"
        "assert run(['measure', 'mine.npy', '--draws', '1', '--no-figures', '--quiet']) == 0\n"
        "print(sorted({'torch', 'accelerate'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def verdict(claim, holds, strength, says, advice=None):
    return {"claim": claim, "holds": holds, "strength": strength, "says": says, "advice": advice}


def test_verdicts_are_readable_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    says = "The codes " + "are very much like that and " * 6 + "so on."
    found = {
        "radius": verdict("radius_explained", False, "clear", says, "Draw from a mixture."),
        "dimension": verdict("low_dimensional", None, "not testable", "Not testable: too few."),
        "voids": verdict("voids", None, "undecided", "Undecided."),
    }
    splits = {name: SplitPayload(name, 10, 2, {}, {}, found, {}, {}) for name in ("train", "held-out")}
    lines = verdict_lines(splits)
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith(" codes")] == ["train codes", "held-out codes"]
    text = " ".join(" ".join(lines).split())
    assert text.count("radius explained does not hold The codes are") == 2
    assert text.count("→ Draw from a mixture.") == 2
    assert text.count("low dimensional not testable Not testable") == 2
    assert text.count("voids undecided Undecided.") == 2
    # One split needs no title.
    assert verdict_lines({"train": splits["train"]})[0].startswith("claim")


@pytest.mark.parametrize(("columns", "width"), [("20", 60), ("97", 97), ("400", 120)])
def test_a_table_is_as_wide_as_can_be_read(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    lines = text_table(("a", "b", "c"), [("one", "two", "word " * 60)])
    assert max(map(len, lines)) <= width
    assert max(map(len, lines)) > width - 12
    assert " ".join(lines).split().count("word") == 60


def test_the_table_of_claims_gives_every_margin_with_its_reason(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    assert zscope(["list", "--claims"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "radius_explained agreement 0.05 Do mean and covariance alone explain" in text
    assert "Why 0.05: independent axes" in text
    assert zscope(["list", "--claims", "--json"]) == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert (claims["voids"]["margin"], claims["voids"]["kind"]) == (0.1, "structure")
    assert claims["dominating_axes"]["margin"] is None
