"""Strips: images decoded along lines through latent space, with what is measured of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError
from zscope.runs.formats import staged_folder, write_json
from zscope.typing import CodeArray, FloatArray, ImageArray, Json, JsonDict

FORMAT, VERSION = "zscope-strips", 1

PIXEL_UNIT = "Euclidean over all pixels and channels, values from 0 to 1"
"""The unit of every length and distance of images."""

Quality = Callable[[ImageArray], FloatArray]
"""Images (n, H, W, C), uint8 → distance of each from real ones (n,): up to 1 it is meaningful."""


@dataclass(frozen=True, eq=False)
class Strip:
    """Images along one line.

    Attributes
    ----------
    name, label : str
        For files and JSON, and for people.
    ends : tuple of two images or None
        Originals of the first and last frame, shape (H, W, C).
    at : tuple of float
        Where each frame stands: share of the path, or factor of a vector.
    codes : ndarray of shape (n, d), float32
        The frames' codes.
    images : ndarray of shape (n, H, W, C), uint8
        What they decode to.
    code_distance : ndarray of shape (n,), float64
        Distance to the nearest training code (those of the originals left out) over the distance that is typical
        between neighbours.
    quality : ndarray of shape (n,), float64, or None
        What the judge says of the images.
    latent_length, image_length : float
        Of the line, in latent units and in pixel units.
    converged : bool
        Whether finer steps would leave the length of the images as it is.
    notes : tuple of str
        What the reader should know of it.
    details : dict
        What else its JSON holds.
    """

    name: str
    label: str
    ends: tuple[ImageArray | None, ImageArray | None]
    at: tuple[float, ...]
    codes: CodeArray
    images: ImageArray
    code_distance: NDArray[np.float64]
    quality: NDArray[np.float64] | None
    latent_length: float
    image_length: float
    converged: bool
    notes: tuple[str, ...] = ()
    details: JsonDict = field(default_factory=dict)

    @property
    def judged(self) -> NDArray[np.float64]:
        """What frames are ranked by: the judge's distances, or without a judge those to the nearest codes."""
        return self.code_distance if self.quality is None else self.quality

    @property
    def worst(self) -> int:
        """Place of the worst frame, from 0; of a path only those between its ends, which all paths share."""
        skipped = 1 if self.ends[1] is not None and len(self.at) > 2 else 0
        return skipped + int(self.judged[skipped : len(self.at) - skipped].argmax())

    def as_json(self, key: str) -> JsonDict:
        """Give the strip as JSON; `key` says what its name is."""
        frames: list[Json] = [
            {
                "at": self.at[place],
                "code_distance": float(self.code_distance[place]),
                "quality": None if self.quality is None else float(self.quality[place]),
            }
            for place in range(len(self.at))
        ]
        return {
            key: self.name,
            "latent_length": self.latent_length,
            "image_length": self.image_length,
            "image_length_converged": self.converged,
            "worst_frame": {
                "frame": self.worst,
                "value": float(self.judged[self.worst]),
                "by": "code_distance" if self.quality is None else "quality",
            },
            "frames": frames,
            "notes": list(self.notes),
            **self.details,
        }


@dataclass(frozen=True, eq=False)
class Strips:
    """Strips of one run that are shown under each other.

    Attributes
    ----------
    kind : {"path", "arithmetic"}
        What the lines are.
    run : str
        The model in words.
    title : str
        What the strips show, in a sentence.
    axis : str
        What `Strip.at` is, for an axis of a figure.
    strips : tuple of Strip
        At least one.
    says : tuple of str
        Findings in sentences.
    about : dict
        What else the JSON holds.
    """

    kind: str
    run: str
    title: str
    axis: str
    strips: tuple[Strip, ...]
    says: tuple[str, ...]
    about: JsonDict

    def as_json(self) -> JsonDict:
        """Give all as JSON."""
        key, many = ("how", "paths") if self.kind == "path" else ("image", "strips")
        found: list[Json] = [strip.as_json(key) for strip in self.strips]
        return {"run": self.run, "unit": PIXEL_UNIT, **self.about, many: found, "says": list(self.says)}


def judged_by(quality: Quality | None, images: ImageArray) -> NDArray[np.float64] | None:
    """Ask the judge, where there is one.

    Raises
    ------
    CodesError
        It answers with another number of values than there are images.
    """
    if quality is None:
        return None
    found = np.asarray(quality(images), dtype=np.float64)
    if found.shape != (len(images),):
        raise CodesError(f"the judge must give {len(images)} values for {len(images)} images, got {found.shape}")
    return found


def write_strips(found: Strips, folder: Path, force: bool) -> None:
    """Write images and codes of every strip beside a ``strips.json``, as a folder that appears when it is whole."""
    with staged_folder(folder, force=force, marker=("strips.json", FORMAT)) as stage:
        files: list[Json] = []
        for place, strip in enumerate(found.strips):
            np.save(stage / f"{place:02d}-images.npy", strip.images)
            np.save(stage / f"{place:02d}-codes.npy", strip.codes)
            files.append({"name": strip.name, "images": f"{place:02d}-images.npy", "codes": f"{place:02d}-codes.npy"})
        write_json(stage / "strips.json", FORMAT, VERSION, {"kind": found.kind, "files": files, **found.as_json()})


def without_repeats(names: Sequence[str]) -> list[str]:
    """Names in their order, each once."""
    return list(dict.fromkeys(names))
