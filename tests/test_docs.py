"""The documentation names all there is, and its examples run."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from zscope.cli.main import command_line
from zscope.cli.reference import commands, markdown
from zscope.clouds import CLOUDS
from zscope.data import SOURCES, prepare
from zscope.measures import MEASURES
from zscope.models import LIKELIHOODS, PRESETS, REGULARISERS
from zscope.nulls import CLAIMS
from zscope.study.encode import encode
from zscope.study.request import TrainRequest
from zscope.study.spec import StudySpec
from zscope.study.train import train

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "results" not in path.parts)
COMMANDS = dict(commands(typer.main.get_command(command_line())))


def text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_command_reference_is_up_to_date():
    assert text("reference/cli.md") == markdown(), "run: python -m zscope.cli.reference docs/reference/cli.md"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_explained(path):
    assert f"\n## {' '.join(path)}\n" in text("reference/cli.md")
    assert COMMANDS[path].help
    for parameter in COMMANDS[path].params:
        assert parameter.help or parameter.name == "help", parameter.name


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("clouds", list(CLOUDS)),
        ("measures", [measure.name for measure in MEASURES]),
        ("claims", list(CLAIMS)),
    ],
)
def test_each_of_a_kind_has_its_section_in_order(page, names):
    assert re.findall(r"^## (.+)$", text(f"reference/{page}.md"), re.MULTILINE) == names


@pytest.mark.parametrize("name", [*PRESETS, *LIKELIHOODS, *REGULARISERS])
def test_every_preset_likelihood_and_regulariser(name):
    assert re.search(rf"^(\| )?`{name}`", text("reference/presets.md"), re.MULTILINE)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source):
    assert f"| `{source.example}` |" in text("how-to/own-images.md")


def test_presets_are_as_the_table_says():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", text("reference/presets.md"), re.MULTILINE)
    assert [name for name, _ in rows] == list(PRESETS)
    for name, row in rows:
        preset = PRESETS[name]
        layers = ", ".join(f"{layer.filters} ({layer.stride})" for layer in preset.network["layers"])
        recipe = preset.training
        cells = [
            "×".join(map(str, preset.shape)),
            layers,
            str(preset.z_dim),
            str(recipe["epochs"]),
            str(recipe["batch"]),
            f"{recipe['learning_rate']:g}",
        ]
        assert row.split(" | ") == cells


def test_margins_are_as_the_page_says():
    for name, claim in CLAIMS.items():
        section = text("reference/claims.md").partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert claim.asks in section
        assert claim.margin is None or f"Margin {claim.margin:g}:" in section


def test_study_file_of_the_tutorial_is_the_one_of_the_project():
    shown = [yaml.safe_load(block) for block in blocks(DOCS / "tutorial.md", "yaml")]
    assert shown == [yaml.safe_load((ROOT / "studies" / "digits.yaml").read_text(encoding="utf-8"))]


def test_every_key_of_a_study_file_is_explained():
    table = text("reference/formats.md").partition("The study file is YAML")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [
        "name",
        "source",
        "images",
        "label",
        "train",
        "runs",
        "measure",
        "sample",
    ]
    assert set(StudySpec.model_fields) == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def examples():
    pages = [ROOT / "README.md", *PAGES]
    for page in pages:
        for block in blocks(page, "(?:console|bash|sh)"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words[:1] == ["zscope"]:
                    yield pytest.param(words, id=f"{page.name}: {' '.join(words)[:60]}")


@pytest.mark.parametrize("words", list(examples()))
def test_commands_in_the_docs_exist_with_their_options(words):
    path = next((path for path in COMMANDS if tuple(words[: len(path)]) == path), None)
    assert path is not None or words[1].startswith("--")
    known = {name for parameter in COMMANDS.get(path, COMMANDS["zscope", "list"]).params for name in parameter.opts}
    options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert options <= known | {"--help", "--version"}


def test_python_examples_run(tmp_path, monkeypatch):
    store = prepare("digits", root=tmp_path / "store")
    request = TrainRequest.of(model="vae", z_dim=16, epochs=1, limit=100, device="cpu", precision="fp32")
    run = train(request, "digits", store, out=tmp_path / "runs/digits/working", log=lambda line: None)
    encode(run, device="cpu", log=lambda line: None)
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(DOCS / "how-to" / "train.md", "python"):
        exec(compile(block, "docs/how-to/train.md", "exec"), names)
    assert names["codes"].shape == (3, 16)
    assert names["pictures"].shape == (3, 8, 8, 1)
    assert len(names["held_out"]) == run.data["held_out"]
    assert names["model"].eps_factor == 0.5
