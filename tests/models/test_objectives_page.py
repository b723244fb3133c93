"""The page "Objectives" names every part with its options and defaults, and its examples run."""

import re
from pathlib import Path

import pytest

from zscope.models import CORRUPTIONS, PRIORS, REGULARISERS, SCHEDULES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "objectives.md").read_text(encoding="utf-8")
PARTS = [*REGULARISERS.values(), *SCHEDULES.values(), *PRIORS.values(), *CORRUPTIONS.values()]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{type(part).__name__}")
def test_every_part_has_a_row_with_its_options_and_defaults(part):
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{part.name}` |")]
    options = {name: field.default for name, field in type(part).model_fields.items()}
    shown = [dict(re.findall(r"`(\w+)` = ([\w.]+)", row)) for row in rows]
    wanted = {
        name: f"{default:g}" if isinstance(default, int | float) else default for name, default in options.items()
    }
    assert wanted in shown


def test_the_texts_of_the_page_are_read():
    for text in re.findall(r"--regulariser (\S+)", PAGE):
        for item in re.split(r"\+", text.strip("`")):
            assert item.partition(":")[0] in REGULARISERS


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/reference/objectives.md", "exec"), names)
    assert names["nats"].shape == (3,)
    assert names["again"].config == names["own"].config
    assert names["run"].state == "finished"
    assert names["means"].shape == (3, 2)
