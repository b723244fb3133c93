"""What every format of zscope shares: named and versioned JSON, and writing that is whole or not there.

A file or folder is first written under a temporary name beside its place and renamed when it is complete, so a reader
never meets half of one, and a failure leaves nothing behind.
"""

import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

from zscope import __version__
from zscope.errors import ExistsError, FormatError, ZscopeError
from zscope.typing import Json, JsonDict

_HEAD: Final = '{\n  "format": "'


def write_json(path: Path, format: str, version: int, content: Mapping[str, Json]) -> None:
    """Write a JSON file that carries the name and the version of its format.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced when the new one is whole. Its folder must exist.
    format : str
        Name of the format, ``zscope-…``; the file begins with it.
    version : int
        Version of the format, from 1.
    content : mapping
        What else the file holds.

    Raises
    ------
    ValueError
        `content` has a key ``format`` or ``version``, or a number that is not finite: JSON has none, ``None`` is meant.
    ZscopeError
        The file cannot be written.
    """
    taken = {"format", "version"} & content.keys()
    if taken:
        raise ValueError(f"content must not have the keys format and version, got {sorted(taken)}")
    text = json.dumps({"format": format, "version": version, **content}, indent=2, ensure_ascii=False, allow_nan=False)
    with staged_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, format: str, max_version: int, keys: Mapping[str, type] | None = None) -> JsonDict:
    """Read a JSON file written by `write_json`.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        The format that it must have.
    max_version : int
        The newest version that the caller understands.
    keys : mapping of str to type, optional
        What the file must hold, see `check_keys`.

    Returns
    -------
    dict
        All that the file holds, ``format`` and ``version`` among it.

    Raises
    ------
    FormatError
        There is no such file, it is not JSON, of another format, or of a newer version, or it lacks one of `keys`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: expected a {format} file, got {_reason(error)}") from error
    except (ValueError, RecursionError) as error:  # ValueError covers broken JSON and broken UTF-8
        raise FormatError(f"{path} is not a {format} file: not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path} is not a {format} file: expected an object, got {type(content).__name__}")
    if content.get("format") != format:
        raise FormatError(f"{path} must have the format {format!r}, got {content.get('format')!r}")
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{path} must have a version from 1 to {max_version}, got {version!r}")
    if version > max_version:
        raise FormatError(
            f"{path} was written by a newer zscope: {format} must be of version {max_version} or less, got {version}"
        )
    check_keys(path, content, keys or {})
    return content


def check_keys(place: Path | str, content: object, keys: Mapping[str, type]) -> None:
    """Check that what was read from a file holds what its readers rely on.

    Parameters
    ----------
    place : Path or str
        Where it was read, for the error: the file, with a line or key in it.
    content : object
        What was read; it must be a dict.
    keys : mapping of str to type
        Names that it must have, and the type of each value; an int passes for a float.

    Raises
    ------
    FormatError
        It is no dict, or lacks a name, or a value is of another type.
    """
    if not isinstance(content, dict):
        raise FormatError(f"{place} must hold an object with {', '.join(keys)}, got {type(content).__name__}")
    for name, kind in keys.items():
        if name not in content:
            raise FormatError(f"{place} must hold {name!r}, got {', '.join(map(repr, content)) or 'nothing'}")
        value = content[name]
        fits = isinstance(value, (int, float) if kind is float else kind)
        if not fits or (isinstance(value, bool) and kind in (int, float)):
            raise FormatError(f"{place} must hold {name!r} of type {kind.__name__}, got {value!r:.60}")


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, which takes the place of `path` when the block ends well.

    Parameters
    ----------
    path : Path
        The file to write; its folder must exist.

    Yields
    ------
    Path
        The name to write to. The file is removed when the block fails, by an interrupt too.

    Raises
    ------
    ZscopeError
        The file cannot be written (no such folder, no permission, disk full).
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ZscopeError(f"{path} cannot be written: {_reason(error)}") from error
        raise


@contextmanager
def staged_folder(path: Path, force: bool = False, marker: tuple[str, str] | None = None) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which becomes `path` when the block ends well.

    Folders above `path` that are missing are created, and removed again when the block fails.

    Parameters
    ----------
    path : Path
        The folder to make.
    force : bool
        Replace a folder that exists, once the new one is whole.
    marker : tuple of two str, optional
        File that an existing folder must hold to be replaced, and its format, so that ``--force`` with a mistaken
        ``--out`` cannot delete a folder that zscope did not write. An empty folder needs none.

    Yields
    ------
    Path
        The temporary folder, empty. It is removed when the block fails, by an interrupt too.

    Raises
    ------
    ExistsError
        `path` exists and `force` is not set, is no folder, or lacks `marker`.
    ZscopeError
        The folder cannot be written.
    """
    path = path.resolve()  # a link to a folder stays, and what it points to is replaced
    _check_replaceable(path, force, marker)
    created: list[Path] = []
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        created = _make_parents(path)
        temporary.mkdir()
        yield temporary
        _check_replaceable(path, force, marker)  # another process may have made it meanwhile
        _take_place(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(created)
        if isinstance(error, OSError):
            place = f" ({error.filename})" if error.filename and str(temporary) not in str(error.filename) else ""
            raise ZscopeError(f"{path} cannot be written: {_reason(error)}{place}") from error
        raise


def written_by_zscope(folder: Path) -> bool:
    """Tell whether a folder is one that zscope wrote: a store, a run, a study, ….

    Parameters
    ----------
    folder : Path
        A folder that can be read.

    Returns
    -------
    bool
        Whether a JSON file directly in it begins as `write_json` begins one.
    """
    return any(has_format(path, "zscope-") for path in folder.glob("*.json"))


def has_format(path: Path, format: str) -> bool:
    """Tell whether a file begins as `write_json` begins one, even if it is cut short or of a newer version.

    Parameters
    ----------
    path : Path
        A file that may be there.
    format : str
        The format, or how its name begins.
    """
    head = (_HEAD + format).encode()
    try:
        with path.open("rb") as file:
            return file.read(len(head)) == head
    except OSError:  # a file that cannot be read is no sign of zscope
        return False


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions that a result depends on.

    Returns
    -------
    dict
        ``zscope``, ``python``, ``numpy``, ``torch`` and ``platform``. torch is not imported for it.
    """
    return {
        "zscope": __version__,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "torch": metadata.version("torch"),
        "platform": platform.platform(),
    }


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _check_replaceable(path: Path, force: bool, marker: tuple[str, str] | None) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise ExistsError(f"{path} exists and is not a folder")
    if not force:
        raise ExistsError(f"{path} exists; give --force to replace it, or another --out")
    if marker is not None and not has_format(path / marker[0], marker[1]) and any(path.iterdir()):
        name, format = marker
        raise ExistsError(f"{path} holds no {name} of {format}, so zscope did not write it and does not replace it")


def _make_parents(path: Path) -> list[Path]:
    """Create the missing folders above `path`; return those created, innermost first."""
    missing = []
    for parent in path.parents:
        if parent.exists():
            break
        missing.append(parent)
    created: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir(exist_ok=True)
            created.insert(0, parent)
    except OSError:
        _remove_empty(created)
        raise
    return created


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # another process put something in: it is no longer ours to remove
            return


def _take_place(temporary: Path, path: Path) -> None:
    """Rename `temporary` to `path`; a folder that is there makes room first and is put back if that fails."""
    if not path.exists():
        temporary.rename(path)
        return
    old = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)
