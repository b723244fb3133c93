"""The study file: several runs on one source, in YAML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zscope.errors import FormatError, ParameterError
from zscope.measures.base import MAX_POINTS, MAX_QUERIES
from zscope.measures.tsne import LEAST_POINTS
from zscope.models.config import parameter_error
from zscope.study.expansion import MOST_RUNS, SEEDS, expanded
from zscope.study.measure import MAP_POINTS, MeasureSettings
from zscope.study.request import TrainRequest
from zscope.study.sweep import LEAST_WEIGHTS

SHORT_LADDER = ("normal", "covariance", "mixture")
"""Samplers that are scored of every run of a sweep: the prior, and two that are fitted to the codes."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that is also a folder's."""


class Images(BaseModel):
    """How the images are prepared: the options of ``zscope data prepare``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: str | None = None
    crop: str | None = None
    grey: bool = False
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1


class Measuring(BaseModel):
    """How codes are measured: the options of ``zscope measure``; maps are pictures, whose structure is not decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    draws: Annotated[int, Field(ge=0)] = 99
    seed: Annotated[int, Field(ge=0)] = 0
    points: Annotated[int, Field(ge=1)] = MAX_POINTS
    queries: Annotated[int, Field(ge=1)] = MAX_QUERIES
    maps: bool = True
    map_draws: Annotated[int, Field(ge=0)] = 0
    map_points: Annotated[int, Field(ge=LEAST_POINTS)] = MAP_POINTS
    group: str | None = None

    def settings(self) -> MeasureSettings:
        """Give what `zscope.study.measure` takes; the group goes apart."""
        return MeasureSettings(**self.model_dump(exclude={"group"}))


class Sampling(BaseModel):
    """How images are sampled: the options of ``zscope sample``, and which samplers are scored.

    Attributes
    ----------
    n, clouds, seed
        Images a cloud, the clouds, and the seed of their draws.
    ladder : tuple of str or None
        Samplers of each run that are scored by the judge; None: `SHORT_LADDER` where the study sweeps a KL weight, else
        none. An empty list scores none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: Annotated[int, Field(ge=1)] = 12
    clouds: tuple[str, ...] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    ladder: tuple[str, ...] | None = None


class StudySpec(BaseModel):
    """A study: what is shared by its runs, and the runs.

    Attributes
    ----------
    name : str
        Title of the report, and the default folder ``runs/NAME``.
    source : str
        Where the images come from; a relative folder is taken from where the command runs.
    images, measure, sample
        Options of the steps.
    label : str or None
        The label that colours the maps.
    train : dict
        Options of ``zscope train`` that all runs share.
    runs : dict of str to dict
        Each entry's name, and the options of its own; a list of values stands for runs (see
        `zscope.study.expansion.expanded`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    source: str
    images: Images = Images()
    label: str | None = None
    train: dict[str, Any] = {}
    runs: Annotated[dict[Name, dict[str, Any] | None], Field(min_length=1)]
    measure: Measuring = Measuring()
    sample: Sampling = Sampling()

    def requests(self, **changes: Any) -> dict[str, TrainRequest]:
        """Resolve the request of each run, its lists expanded, with what the command line changed.

        What the command line gives is one value, and takes the place of a list.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        requests: dict[str, TrainRequest] = {}
        for entry, own in self.runs.items():
            options = {**self.train, **(own or {}), **given}
            if "seed" in given:
                options.pop(SEEDS, None)
            for name, request in expanded(entry, options).items():
                if name in requests:
                    raise ParameterError(f"runs.{entry}", "expand to names of its own", name)
                requests[name] = request
        if len(requests) > MOST_RUNS:
            raise ParameterError("runs", f"expand to at most {MOST_RUNS} runs", len(requests))
        return requests

    def ladder(self, requests: Mapping[str, TrainRequest]) -> tuple[str, ...]:
        """Name the samplers that are scored of every run; none unless asked for or a KL weight is swept."""
        if self.sample.ladder is not None:
            return self.sample.ladder
        weights = {(one.beta, one.fact) for one in requests.values() if one.model != "ae"}
        return SHORT_LADDER if len(weights) >= LEAST_WEIGHTS else ()


def read_spec(path: Path) -> tuple[StudySpec, str]:
    """Read a study file.

    Returns
    -------
    spec : StudySpec
        What it says.
    text : str
        The file's text, shown in the report.

    Raises
    ------
    FormatError
        There is no such file, it is no YAML, or something in it is wrong: the line says what and where.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FormatError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise FormatError(f"{path}: a study file is a mapping with name, source and runs")
    try:
        return StudySpec.model_validate(content), text
    except ValidationError as error:
        raise FormatError(f"{path}: {parameter_error(error)}") from None
