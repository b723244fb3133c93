# ruff: noqa: PT012  (a block that fails half-way is what is tested)
import json
import platform
from pathlib import Path

import numpy as np
import pytest

import zscope
from zscope.errors import ExistsError, FormatError, ZscopeError
from zscope.runs.formats import (
    check_keys,
    read_json,
    staged_file,
    staged_folder,
    versions,
    write_json,
    written_by_zscope,
)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"text": "σ ≥ 0", "numbers": [1, 2.5, None, True], "inner": {"a": []}}
    write_json(tmp_path / "a.json", "zscope-test", 2, content)
    assert read_json(tmp_path / "a.json", "zscope-test", 3) == {"format": "zscope-test", "version": 2, **content}
    assert listed(tmp_path) == ["a.json"]


def test_json_refuses_what_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", "zscope-test", 1, {"x": float("nan")})
    with pytest.raises(ValueError, match="version"):
        write_json(tmp_path / "a.json", "zscope-test", 1, {"version": 3})
    assert listed(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ("[1]", "expected an object, got list"),
        ('{"format": "other", "version": 1}', "must have the format 'zscope-test', got 'other'"),
        ('{"format": "zscope-test"}', "version from 1 to 2, got None"),
        ('{"format": "zscope-test", "version": true}', "version from 1 to 2, got True"),
        ('{"format": "zscope-test", "version": 3}', "newer zscope"),
    ],
)
def test_read_json_names_file_expected_and_got(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FormatError, match=says) as caught:
        read_json(path, "zscope-test", 2)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_json_refuses_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not valid JSON"):
        read_json(tmp_path / "a.json", "zscope-test", 1)


def test_staged_file_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), staged_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert listed(tmp_path) == ["a.txt"]


def test_staged_file_without_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ZscopeError, match="cannot be written: No such file"), staged_file(tmp_path / "x" / "a") as at:
        at.write_text("text")


def test_staged_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "out"
    with staged_folder(path) as folder:
        (folder / "a").write_text("1")
        assert folder.parent == path.parent
        assert not path.exists()
    assert (path / "a").read_text() == "1"
    assert listed(path.parent) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_staged_folder_leaves_nothing_on_failure(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), staged_folder(tmp_path / "deep" / "er" / "out") as folder:
        (folder / "a").write_text("1")
        raise error
    assert listed(tmp_path) == []


def test_staged_folder_never_replaces_without_force(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    with pytest.raises(ExistsError, match="--force"), staged_folder(path):
        pytest.fail("the block must not run")
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ExistsError, match="not a folder"), staged_folder(file, force=True):
        pytest.fail("the block must not run")
    assert listed(tmp_path) == ["file", "out"]


def test_staged_folder_with_force_replaces_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("1")
    with pytest.raises(RuntimeError), staged_folder(path, force=True) as folder:
        (folder / "new").write_text("2")
        raise RuntimeError
    assert listed(path) == ["old"]
    with staged_folder(path, force=True) as folder:
        (folder / "new").write_text("2")
        assert listed(path) == ["old"]
    assert listed(path) == ["new"]
    assert listed(tmp_path) == ["out"]


MARKER = ("run.json", "zscope-run")


def test_staged_folder_with_marker_spares_foreign_folders(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir()
    with staged_folder(path, force=True, marker=MARKER) as folder:  # an empty folder is nobody's
        (folder / "photo").write_text("1")
    with pytest.raises(ExistsError, match=r"no run\.json"), staged_folder(path, force=True, marker=MARKER):
        pytest.fail("the block must not run")
    (path / "run.json").write_text('{"format": "zscope-run", "name": "of another program"}')
    with pytest.raises(ExistsError, match=r"no run\.json of zscope-run"), staged_folder(path, True, MARKER):
        pytest.fail("the block must not run")
    assert listed(path) == ["photo", "run.json"]
    write_json(path / "run.json", "zscope-run", 1, {})
    with staged_folder(path, force=True, marker=MARKER):
        pass
    assert listed(path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "must hold an object with n, share, got list"),
        ({"n": 1}, "must hold 'share', got 'n'"),
        ({}, "must hold 'n', got nothing"),
        ({"n": True, "share": 1}, "must hold 'n' of type int, got True"),
        ({"n": 1, "share": "x"}, "must hold 'share' of type float, got 'x'"),
    ],
)
def test_what_a_file_lacks_is_named(content: object, message: str) -> None:
    check_keys("file", {"n": 1, "share": 1, "more": None}, {"n": int, "share": float})
    with pytest.raises(FormatError, match=f"file {message}"):
        check_keys("file", content, {"n": int, "share": float})


def test_staged_folder_made_meanwhile_by_another_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(ExistsError), staged_folder(path) as folder:
        (folder / "a").write_text("ours")
        path.mkdir()
        (path / "a").write_text("theirs")
    assert (path / "a").read_text() == "theirs"
    assert listed(tmp_path) == ["out"]


def test_staged_folder_keeps_a_link_and_replaces_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with staged_folder(tmp_path / "link", force=True) as folder:
        (folder / "a").write_text("1")
    assert (tmp_path / "link").is_symlink()
    assert listed(tmp_path / "real") == ["a"]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(ZscopeError, match="out cannot be written: No space left on device"),
        staged_folder(tmp_path / "out"),
    ):
        raise OSError(28, "No space left on device")
    assert listed(tmp_path) == []


def test_written_by_zscope(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "other"}))
    assert not written_by_zscope(tmp_path)
    write_json(tmp_path / "run.json", "zscope-run", 1, {})
    assert written_by_zscope(tmp_path)


def test_versions() -> None:
    found = versions()
    assert found["zscope"] == zscope.__version__
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert set(found) == {"zscope", "python", "numpy", "torch", "platform"}
