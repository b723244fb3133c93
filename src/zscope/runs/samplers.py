"""A fitted cloud in one file, ``*.safetensors``: arrays, and a few lines of text; no code, so that reading it is safe.

The arrays are those of the cloud's state. The file's metadata holds ``format`` (``zscope-sampler``), ``version``,
``spec`` (the cloud as the user names it), ``about`` (what it was fitted to, as JSON) and, for clouds that were fitted
for each value of a label, ``values`` (these, as JSON).
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from zscope.clouds import Cloud, restored
from zscope.clouds.conditional import ConditionalCloud
from zscope.errors import FormatError, ParameterError
from zscope.runs.formats import file_hash, staged_file
from zscope.typing import Json, JsonDict

FORMAT: Final = "zscope-sampler"
VERSION: Final = 1


def save_sampler(path: Path, cloud: Cloud | ConditionalCloud, about: Mapping[str, Json]) -> None:
    """Write a fitted cloud, in place of the file that is there, once it is whole.

    Parameters
    ----------
    path : Path
        The file, ending in ``.safetensors``; its folder must exist.
    cloud : Cloud or ConditionalCloud
        Fitted.
    about : mapping
        What is worth knowing of it: the codes that it was fitted to, the scores of its images.

    Raises
    ------
    CodesError
        The cloud has not been fitted.
    ZscopeError
        The file cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "spec": cloud.spec,
        "about": json.dumps(dict(about), ensure_ascii=False, allow_nan=False),
    }
    if isinstance(cloud, ConditionalCloud):
        metadata["values"] = json.dumps(list(cloud.values_), ensure_ascii=False)
    state = cloud.state()
    with staged_file(path) as stage:
        stage.write_bytes(save(state, metadata))


def load_sampler(path: Path) -> Cloud | ConditionalCloud:
    """Read a cloud that `save_sampler` wrote; it draws the same codes from the same state of a generator.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Cloud or ConditionalCloud
        Fitted; the latter if it was saved.

    Raises
    ------
    FormatError
        There is no such file, it is cut short, is no sampler, was written by a newer zscope, or its arrays are not
        those of such a cloud.
    """
    metadata, state = _read(path, arrays=True)
    try:
        if "values" in metadata:
            return ConditionalCloud.restored(metadata["spec"], _values(metadata["values"]), state)
        return restored(metadata["spec"], state)
    except (FormatError, ParameterError) as error:
        raise FormatError(f"{path}: {error}") from None


def sampler_about(path: Path) -> JsonDict:
    """Read what was said of a saved cloud, without its arrays.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        ``spec``, and what `save_sampler` was given.

    Raises
    ------
    FormatError
        As `load_sampler`.
    """
    metadata, _ = _read(path, arrays=False)
    try:
        about = json.loads(metadata.get("about", "{}"))
    except ValueError:
        about = None
    if not isinstance(about, dict):
        raise FormatError(f"{path}: about must be a JSON object")
    return {**about, "spec": metadata["spec"]}


def kept_sampler(path: Path, weights: Path) -> Cloud:
    """Read the sampler that is kept with a model, and check that it was fitted to codes of this model.

    Parameters
    ----------
    path : Path
        The sampler's file.
    weights : Path
        The model's ``model.safetensors``.

    Returns
    -------
    Cloud
        Fitted.

    Raises
    ------
    FormatError
        As `load_sampler`; it was fitted to codes of another model; or it draws each value of a label.
    """
    _check_model(path, weights, "")
    found = load_sampler(path)
    if isinstance(found, ConditionalCloud):
        raise FormatError(f"{path} must hold a sampler of all codes, got one of each label")
    return found


def kept_labelled_sampler(path: Path, weights: Path, column: str) -> ConditionalCloud:
    """Read the sampler of each value of a label that is kept with a model; checked as in `kept_sampler`.

    Parameters
    ----------
    path : Path
        The sampler's file.
    weights : Path
        The model's ``model.safetensors``.
    column : str
        The label.

    Returns
    -------
    ConditionalCloud
        Fitted.

    Raises
    ------
    FormatError
        As `load_sampler`; it was fitted to codes of another model, or by another label.
    """
    about = _check_model(path, weights, f" --label {column}")
    if about.get("label") != column:
        raise FormatError(f"{path} must hold a sampler of the label {column}, got one of {about.get('label')}")
    found = load_sampler(path)
    if not isinstance(found, ConditionalCloud):
        raise FormatError(f"{path} must hold a sampler of each {column}, got one of all codes")
    return found


def spelled(value: str, values: Iterable[str]) -> str:
    """Give a value of a label as it is spelled among `values`: a truth value may be written in any case.

    Examples
    --------
    >>> spelled("true", ["False", "True"])
    'True'
    >>> spelled("ann", ["Ann"])
    'ann'
    """
    there = set(values)
    if value in there or value.lower() not in ("true", "false"):
        return value
    return next((one for one in sorted(there) if one.lower() == value.lower()), value)


def _check_model(path: Path, weights: Path, option: str) -> JsonDict:
    """Check of which model's codes a sampler is, and give what was said of it."""
    about = sampler_about(path)
    if about.get("model") != file_hash(weights):
        raise FormatError(
            f"{path} was fitted to codes of another model: zscope sample {path.parent} --ladder{option} makes it anew"
        )
    return about


def _read(path: Path, *, arrays: bool) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    if not path.is_file():
        raise FormatError(f"{path} cannot be read: expected a {FORMAT} file, got none")
    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            # A copy each: what is read must outlive the file.
            state = {name: np.array(file.get_tensor(name)) for name in file.keys()} if arrays else {}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is not a readable safetensors file ({str(error).splitlines()[0]})") from None
    if metadata.get("format") != FORMAT:
        raise FormatError(f"{path} must have the format {FORMAT!r}, got {metadata.get('format')!r}")
    version = metadata.get("version", "")
    if not version.isdecimal() or int(version) < 1:
        raise FormatError(f"{path} must have a version from 1 to {VERSION}, got {version!r}")
    if int(version) > VERSION:
        raise FormatError(
            f"{path} was written by a newer zscope: {FORMAT} must be of version {VERSION} or less, got {version}"
        )
    if "spec" not in metadata:
        raise FormatError(f"{path} must hold 'spec', got {', '.join(map(repr, metadata))}")
    return metadata, state


def _values(text: str) -> list[bool | int | str]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or not values or not all(isinstance(value, bool | int | str) for value in values):
        raise FormatError("values must be a JSON list of labels")
    return values
