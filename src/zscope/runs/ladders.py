"""Ladders: ``ladder.json``, and beside it a folder ``ladder/`` with what every rung drew, each scored once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.errors import FormatError
from zscope.runs.formats import check_keys, read_json, staged_folder, write_json
from zscope.typing import CodeArray, ImageArray, Json, JsonDict

FORMAT, VERSION = "zscope-ladder", 1
RUNG_FORMAT, RUNG_VERSION = "zscope-rung", 1

SAMPLER = "sampler.safetensors"
"""The recommended sampler, in the run folder."""

KEYS = {"n": int, "rungs": list, "reference": dict, "recommended": object, "says": str, "steps": list, "where": list}
MORE = {"n_references": int, "codes": int, "left_out": list, "why": str, "where_n": dict, "about": dict}


def labelled_sampler(column: str) -> str:
    """File of the sampler that draws each value of a label, in the run folder.

    Examples
    --------
    >>> labelled_sampler("digit")
    'sampler-digit.safetensors'
    """
    plain = re.sub(r"[^\w.]+", "-", column)
    return f"sampler-{plain}.safetensors"


@dataclass(frozen=True, eq=False)
class Rung:
    """Images of one way to draw codes, or of a reference, and how good they are.

    Attributes
    ----------
    sampler, label, keeps : str
        The cloud as the user names it, in words, and what of the data it keeps. Of a reference ``held-out``,
        ``reconstructions`` or ``noise``, in words, and nothing.
    scores : dict
        Each score's ``{"value", "low", "high"}`` by name.
    images : ndarray of shape (k, H, W, C), uint8
        The first of the images, to be shown.
    codes : ndarray of shape (n, d), float32
        All drawn codes; of a reference that has none, of shape (0, d).
    meaningful : ndarray of shape (n,), bool
        Which of all images the judge calls meaningful; empty where there are no codes.
    predictors : dict of str to ndarray of shape (n,)
        What may predict it (see `zscope.generation.meaning.PREDICTORS`).
    """

    sampler: str
    label: str
    keeps: str
    scores: JsonDict
    images: ImageArray
    codes: CodeArray
    meaningful: NDArray[np.bool_]
    predictors: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def as_json(self) -> JsonDict:
        """Give the rung as an entry of ``ladder.json``."""
        return {"sampler": self.sampler, "label": self.label, "keeps": self.keeps, **self.scores}


def rung_folder(folder: Path, sampler: str) -> Path:
    """Folder of a rung inside ``ladder/``."""
    return folder / re.sub(r"[^A-Za-z0-9.]+", "-", sampler)


def write_rung(folder: Path, rung: Rung, about: Mapping[str, Json]) -> None:
    """Write a rung in place of the one that is there, once it is whole.

    Parameters
    ----------
    folder : Path
        The folder ``ladder/``.
    rung : Rung
        What to write.
    about : mapping
        The settings; `read_rung` gives a rung back only for equal ones.
    """
    with staged_folder(rung_folder(folder, rung.sampler), force=True, marker=("rung.json", RUNG_FORMAT)) as stage:
        np.save(stage / "images.npy", rung.images)
        np.save(stage / "codes.npy", rung.codes)
        np.save(stage / "meaningful.npy", rung.meaningful)
        for name, values in rung.predictors.items():
            np.save(stage / f"{name}.npy", values)
        content: JsonDict = {
            "sampler": rung.sampler,
            "label": rung.label,
            "keeps": rung.keeps,
            "scores": rung.scores,
            "predictors": list(rung.predictors),
            "about": dict(about),
        }
        write_json(stage / "rung.json", RUNG_FORMAT, RUNG_VERSION, content)


def read_rung(folder: Path, sampler: str, about: Mapping[str, Json]) -> Rung | None:
    """Read a rung; None where there is none, one of other settings, or one that is damaged: it is scored again."""
    place = rung_folder(folder, sampler)
    keys = {"sampler": str, "label": str, "keeps": str, "scores": dict, "predictors": list, "about": dict}
    try:
        content: dict[str, Any] = read_json(place / "rung.json", RUNG_FORMAT, RUNG_VERSION, keys)
        if content["about"] != about or content["sampler"] != sampler:
            return None
        return Rung(
            sampler,
            content["label"],
            content["keeps"],
            content["scores"],
            _load(place / "images.npy"),
            _load(place / "codes.npy"),
            _load(place / "meaningful.npy"),
            {name: _load(place / f"{name}.npy") for name in content["predictors"]},
        )
    except FormatError:
        return None


def write_ladder(path: Path, content: Mapping[str, Json]) -> None:
    """Write ``ladder.json``."""
    write_json(path, FORMAT, VERSION, content)


def read_ladder(path: Path) -> dict[str, Any]:
    """Read ``ladder.json``; empty where there is none, `FormatError` where a part is missing."""
    if not path.exists():
        return {}
    content: dict[str, Any] = read_json(path, FORMAT, VERSION, KEYS | MORE)
    score = {"value": float, "low": float, "high": float}
    for entry in content["rungs"]:
        check_keys(f"{path}: rungs", entry, {"sampler": str, "label": str, "keeps": str, "fd": dict})
        check_keys(f"{path}: {entry['sampler']}", entry["fd"], score)
    for name in ("held_out", "reconstructions", "noise"):
        check_keys(f"{path}: reference", content["reference"], {name: dict})
        check_keys(f"{path}: reference.{name}", content["reference"][name], {"fd": dict})
    check_keys(f"{path}: about", content["about"], {"model": str})
    for entry in content["where"]:
        check_keys(f"{path}: where", entry, {"predictor": str, "says": str, "auc": dict})
    return content


def shown_images(folder: Path, sampler: str) -> ImageArray:
    """Images of a rung that are kept to be shown."""
    images = _load(rung_folder(folder, sampler) / "images.npy")
    if images.dtype != np.uint8 or images.ndim != 4:
        raise FormatError(f"{folder / sampler}: must be uint8 images (N, H, W, C), got {images.dtype} {images.shape}")
    return images


def _load(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path}: {str(error).splitlines()[0]}") from None
