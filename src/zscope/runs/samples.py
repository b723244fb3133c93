"""Samples: the images of a run's ``samples/`` folder, one array a cloud."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zscope.errors import FormatError
from zscope.runs.formats import check_keys, read_json, staged_folder, write_json
from zscope.typing import CodeArray, ImageArray, Json

FORMAT, VERSION = "zscope-samples", 1


@dataclass(frozen=True, eq=False)
class CloudSample:
    """Codes that a cloud drew, and the images they decode to.

    Attributes
    ----------
    spec, label, keeps : str
        The cloud as the user names it (with ``[COLUMN=VALUE]`` where it is of one label), in words, and what of the
        data it keeps.
    codes : ndarray of shape (n, d), float32
        The drawn codes.
    images : ndarray of shape (n, H, W, C), uint8
        What they decode to.
    """

    spec: str
    label: str
    keeps: str
    codes: CodeArray
    images: ImageArray


def write_samples(
    folder: Path,
    originals: ImageArray,
    reconstructions: ImageArray,
    clouds: Sequence[CloudSample],
    about: Mapping[str, Json],
) -> None:
    """Write a samples folder in place of the one that is there, once it is whole."""
    with staged_folder(folder, force=True, marker=("manifest.json", FORMAT)) as stage:
        np.save(stage / "originals.npy", originals)
        np.save(stage / "reconstructions.npy", reconstructions)
        entries: list[Json] = []
        for sample in clouds:
            name = _file_name(sample.spec, [str(entry["file"]) for entry in entries if isinstance(entry, dict)])
            np.save(stage / f"{name}.npy", sample.images)
            np.save(stage / f"{name}-codes.npy", sample.codes)
            entries.append({"spec": sample.spec, "label": sample.label, "keeps": sample.keeps, "file": f"{name}.npy"})
        write_json(stage / "manifest.json", FORMAT, VERSION, {"clouds": entries, **about})


def _file_name(spec: str, taken: Sequence[str]) -> str:
    """Name of a cloud's files: labels may hold characters that no file may, and two of them then look alike."""
    plain = re.sub(r"[^\w.]+", "-", spec).strip("-")
    name, number = plain, 1
    while f"{name}.npy" in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def read_samples(folder: Path) -> tuple[ImageArray, ImageArray, list[tuple[dict[str, str], ImageArray]]]:
    """Read originals, reconstructions and, for each cloud, its entry and its images."""
    manifest: dict[str, Any] = read_json(folder / "manifest.json", FORMAT, VERSION, {"clouds": list})
    for entry in manifest["clouds"]:
        check_keys(f"{folder / 'manifest.json'}: clouds", entry, {"spec": str, "label": str, "keeps": str, "file": str})
    return (
        _load(folder / "originals.npy"),
        _load(folder / "reconstructions.npy"),
        [(entry, _load(folder / Path(entry["file"]).name)) for entry in manifest["clouds"]],
    )


def samples_manifest(folder: Path) -> dict[str, Any]:
    """Manifest of a samples folder; empty where there is none."""
    path = folder / "manifest.json"
    return read_json(path, FORMAT, VERSION) if path.exists() else {}


def _load(path: Path) -> ImageArray:
    try:
        images: ImageArray = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: {str(error).splitlines()[0]}") from None
    if images.dtype != np.uint8 or images.ndim != 4:
        raise FormatError(f"{path}: must be uint8 images (N, H, W, C), got {images.dtype} {images.shape}")
    return images
