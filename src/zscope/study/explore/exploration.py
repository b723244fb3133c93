"""Several runs that are explored side by side."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zscope import __version__
from zscope.errors import FormatError, ParameterError
from zscope.runs.formats import read_json
from zscope.runs.run import Run
from zscope.study import codes as measured_codes
from zscope.study import study
from zscope.study.explore.answer import LIMITS, Answer
from zscope.study.explore.caches import Recent
from zscope.study.explore.explored import Explored
from zscope.study.explore.opened import Opened
from zscope.typing import Json, JsonDict


class Exploration:
    """Runs that are explored, each with an id: 0, 1, … as text.

    Parameters
    ----------
    name : str
        Title of the page.
    runs : sequence of Explored
        At least one.
    """

    def __init__(self, name: str, runs: Sequence[Explored]) -> None:
        if not runs:
            raise ParameterError("RUN", "name at least one run, study or file of codes", "none")
        self.name = name
        self.runs = {str(place): run for place, run in enumerate(runs)}
        self._counts: Recent[int] = Recent(len(runs) ** 2)

    def run(self, id: str) -> Explored:
        """Give a run by its id; `ParameterError` where there is none."""
        if id not in self.runs:
            raise ParameterError("run", f"be one of {', '.join(self.runs)}", id)
        return self.runs[id]

    def session(self) -> Answer:
        """Give what a page must know before it asks for anything."""
        common = {pair: self._common(*pair) for pair in combinations(self.runs, 2)}
        links: list[Json] = [{"a": a, "b": b, "common": count} for (a, b), count in common.items() if count]
        data: JsonDict = {
            "name": self.name,
            "version": __version__,
            "limits": dict[str, Json](LIMITS),
            "runs": [run.about(key) for key, run in self.runs.items()],
            "links": links,
        }
        return Answer(data)

    def link(self, a: str, b: str) -> Answer:
        """Find which rows of two runs belong to one image.

        Images are known by their ids, where these name images: those of files of codes often do not, and rows of such
        files of one length are taken to be in one order.

        Parameters
        ----------
        a, b : str
            Ids of two runs.

        Returns
        -------
        Answer
            ``common``, ``says``; ``rows`` (n of a,), int32: the row in b of the same image, −1 where there is none.
        """
        rows = self._linked(a, b)
        common = int(np.count_nonzero(rows >= 0))
        first, second = self.run(a).opened, self.run(b).opened
        says = f"{common:,} of {first.n:,} images of {first.name} are in {second.name} too."
        return Answer({"common": common, "says": says}, {"rows": rows})

    def _common(self, a: str, b: str) -> int:
        """Count the images of two runs that are in both; once, since it takes seconds where they are many."""
        return self._counts.get((a, b), lambda: int(np.count_nonzero(self._linked(a, b) >= 0)))

    def _linked(self, a: str, b: str) -> NDArray[np.int32]:
        first, second = self.run(a).opened, self.run(b).opened
        rows = np.full(first.n, -1, np.int32)
        if first.ids_given != second.ids_given:
            return rows
        if not first.ids_given and first.n != second.n:
            return rows
        if _numbered(first.ids) and _images(first) != _images(second):
            # Ids that are mere numbers name the same images only in one and the same data set.
            return rows
        place = {name: row for row, name in reversed(list(enumerate(second.ids)))}
        rows[:] = [place.get(name, -1) for name in first.ids]
        return rows


def open_exploration(
    paths: Sequence[Path | str],
    *,
    labels: Path | None = None,
    images: Path | None = None,
    label: str | None = None,
    device: str = "cpu",
    drop_bad: bool = False,
) -> Exploration:
    """Open what is to be explored.

    Parameters
    ----------
    paths : sequence of Path
        Run folders, study folders (all runs of a study), files of codes, or folders of measured codes.
    labels, images : Path, optional
        Labels and images of a file of codes; only with a single one.
    label : str, optional
        The label that colours at first.
    device : str
        Where to decode.
    drop_bad : bool
        Leave codes with NaN or infinity out instead of refusing them.

    Raises
    ------
    ParameterError
        Nothing is named, something twice, or labels or images for runs.
    FormatError
        A folder is neither a run nor a study nor measured codes, or a run has not been encoded.
    """
    given = [Path(path) for path in paths]
    if len({path.resolve() for path in given}) < len(given):
        raise ParameterError("RUN", "be named once each", ", ".join(map(str, given)))
    alone = len(given) == 1 and (not given[0].is_dir() or (given[0] / "codes.json").exists())
    for name, value in (("labels", labels), ("images", images)):
        if value is not None and not alone:
            raise ParameterError(f"--{name}", "be given with a single file of codes", str(value))
    found: list[Explored] = []
    titles: list[str] = []
    for path in given:
        if path.is_dir() and (path / "study.json").exists():
            content = read_json(path / "study.json", study.FORMAT, study.VERSION, study.KEYS)
            own = content.get("label")
            wanted = label or (None if own is None else str(own))
            members = content["runs"]
            assert isinstance(members, list)
            found += [Explored.of_run(Run.open(path / str(member)), device, wanted) for member in members]
            titles.append(str(content["name"]))
            continue
        one = _opened(path, labels, images, label, device, drop_bad)
        found.append(one)
        titles.append(one.opened.name)
    return Exploration(" and ".join(titles) if len(titles) < 3 else ", ".join(titles), found)


def _opened(
    path: Path, labels: Path | None, images: Path | None, label: str | None, device: str, drop_bad: bool
) -> Explored:
    if not path.is_dir():
        if not path.exists():
            raise FormatError(f"{path} does not exist")
        return Explored.of_codes(path, labels, images, drop_bad=drop_bad, label=label)
    if (path / "codes.json").exists():
        content = read_json(path / "codes.json", measured_codes.FORMAT, measured_codes.VERSION, measured_codes.KEYS)
        file = Path(str(content["file"]))
        beside = path.parent / file.name
        dropped = bool(content.get("dropped"))
        kept = beside if beside.is_file() else file
        return Explored.of_codes(kept, labels, images, label=label, drop_bad=drop_bad or dropped)
    return Explored.of_run(Run.open(path), device, label)


def _numbered(ids: Sequence[str]) -> bool:
    """Tell whether ids are mere numbers."""
    return all(name.isdecimal() for name in ids[:100])


def _images(opened: Opened) -> str | None:
    """Hash of the images of a run; None of codes without a model."""
    return None if opened.run is None else str(opened.run.data["hash"])
