"""``measures.json``: what a damaged one lacks is named in one line."""

import pytest

from zscope.errors import FormatError
from zscope.runs.measured import read_measures, write_measures

CLOUD = {"cloud": {"n": 3, "d": 2}}
DONE = {"name": "radius", "values": {"mean": 1.0}, "tests": [], "verdict": None}


def test_what_is_written_is_read(tmp_path):
    part = {**CLOUD, "measures": [DONE, {"name": "kl", "skipped": "an AE has none"}]}
    assert read_measures(tmp_path / "measures.json") == {}
    write_measures(tmp_path / "measures.json", {**part, "held_out": part})
    read = read_measures(tmp_path / "measures.json")
    assert {key: read[key] for key in part} == read["held_out"] == part


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"measures": []}, "must hold 'cloud'"),
        ({"cloud": {"n": 3}, "measures": []}, "cloud must hold 'd'"),
        ({**CLOUD, "measures": [{"title": "Radius"}]}, "measures must hold 'name'"),
        ({**CLOUD, "measures": [{"name": "radius", "values": {}}]}, "radius must hold 'tests'"),
        ({**CLOUD, "measures": [], "held_out": [1]}, "held_out must hold an object"),
    ],
)
def test_what_is_missing_is_named(tmp_path, content, message):
    write_measures(tmp_path / "measures.json", content)
    with pytest.raises(FormatError, match=message) as caught:
        read_measures(tmp_path / "measures.json")
    assert str(tmp_path / "measures.json") in str(caught.value)
