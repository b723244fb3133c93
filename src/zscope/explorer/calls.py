"""The calls that the page makes: what each takes, within which bounds, and which part of the study answers it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from zscope.errors import ParameterError
from zscope.study.explore import LIVE, Answer, Base, Exploration, Plane

MOST_ROWS, MOST_SHOWN, MOST_PLACES, MOST_AXES = 2_000_000, 400, 256, 65_536


def _array(rows: list[int]) -> NDArray[np.int32]:
    """Rows as an array, each once: a list of two million numbers takes sixteen times as much memory."""
    return np.unique(np.asarray(rows, np.int32))


Row = Annotated[int, Field(ge=0, lt=2**31)]
Rows = Annotated[list[Row], Field(min_length=1, max_length=MOST_ROWS), AfterValidator(_array)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Window = tuple[float, float, float, float]
Pair = tuple[float, float]


class CallParameters(BaseModel):
    """What a call takes: numbers are finite, and nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    stream: Annotated[str, Field(max_length=100)] | None = None


class OfRun(CallParameters):
    """A call about one run of the session."""

    run: Name


class BaseParameters(BaseModel):
    """Where the coordinates come from that a plane does not give."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Literal["mean", "row", "code"]
    row: Row | None = None
    code: Annotated[list[float], Field(max_length=MOST_AXES)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for kind, given in (("row", self.row), ("code", self.code)):
            if (self.kind == kind) != (given is not None):
                raise ValueError(
                    f"a base of kind {self.kind} must come {'with' if given is None else 'without'} {kind}"
                )
        return self

    def base(self) -> Base:
        """Give it as the study takes it."""
        return Base(self.kind, self.row, None if self.code is None else tuple(self.code))


class PlaneParameters(BaseModel):
    """Names of the columns that are shown."""

    model_config = ConfigDict(extra="forbid")

    x: Name
    y: Name

    def plane(self) -> Plane:
        """Give it as the study takes it."""
        return Plane(self.x, self.y)


class NullParameters(BaseModel):
    """One draw of a null cloud."""

    model_config = ConfigDict(extra="forbid")

    cloud: Name
    draw: Annotated[int, Field(ge=0, lt=1000)] = 0


class SessionCall(CallParameters):
    """What there is to see."""


class ColumnCall(OfRun):
    """Values of a column."""

    name: Name


class NullCall(OfRun, NullParameters):
    """Columns of a draw of a null cloud."""

    names: Annotated[list[Name], Field(min_length=1, max_length=4)]


class LineupCall(OfRun):
    """The codes' window hidden among null ones."""

    plane: PlaneParameters
    cloud: Name
    window: Window
    panels: Annotated[int, Field(ge=2, le=20)] = 20
    bins: Annotated[int, Field(ge=8, le=200)] = 96
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class GuessCall(OfRun):
    """Which panel the codes' own is."""

    id: Name
    panel: Annotated[int, Field(ge=0, lt=20)]


class WindowCall(OfRun):
    """Statistics of a window against Poisson points."""

    plane: PlaneParameters
    centre: Pair
    half: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
    null: NullParameters | None = None


class PointCall(OfRun):
    """All about one code."""

    row: Row
    neighbours: Annotated[int, Field(ge=0, le=50)] = 12


class ThumbnailsCall(OfRun):
    """Images of codes, small."""

    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_SHOWN)]
    edge: Annotated[int, Field(ge=8, le=256)] = 48


class DecodeCall(OfRun):
    """Images of codes at places of a plane, or shifted along directions."""

    base: BaseParameters
    plane: PlaneParameters | None = None
    at: Annotated[list[Pair], Field(min_length=1, max_length=MOST_PLACES)] | None = None
    shifts: Annotated[dict[Name, float], Field(max_length=64)] = {}

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.plane is None) != (self.at is None):
            raise ValueError("plane and at must come together")
        return self


class MeaningCall(OfRun):
    """Share of meaningful images over a window."""

    base: BaseParameters
    plane: PlaneParameters
    window: Window
    side: Annotated[int, Field(ge=3, le=32)] = 16


class PathCall(OfRun):
    """A path between two codes."""

    start: Row
    end: Row
    how: Name = "linear"
    steps: Annotated[int, Field(ge=2, le=48)] = 12
    plane: PlaneParameters | None = None


class DrawCall(OfRun):
    """New codes by a sampler."""

    sampler: Name
    n: Annotated[int, Field(ge=1, le=256)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    plane: PlaneParameters


class CompareCall(OfRun):
    """A set of codes beside the rest."""

    rows: Rows


class ExportCall(OfRun):
    """A set of codes as a file."""

    rows: Rows
    format: Literal["csv", "parquet", "npy"]


class LinkCall(CallParameters):
    """Rows of two runs that belong to one image."""

    a: Name
    b: Name


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes
    ----------
    takes : type of CallParameters
        What it takes.
    answer : callable
        Takes the exploration and a list of parameters, and gives an answer or an exception for each.
    lane : {"reads", "quick", "long"}
        Where it waits: what is read, what a moving pointer waits for, and what takes long do not hold each other up.
    together : bool
        Whether calls about one run that wait at the same time are answered together.
    """

    takes: type[CallParameters]
    answer: Callable[[Exploration, Sequence[Any]], Sequence["Answer | Exception"]]
    lane: Literal["reads", "quick", "long"]
    together: bool = False

    def lane_of(self, parameters: CallParameters) -> str:
        """Where a call waits: columns that are computed when they are asked for take long."""
        return "long" if getattr(parameters, "name", None) in LIVE else self.lane


def _each(answer: Callable[[Exploration, Any], Answer]) -> Callable[[Exploration, Sequence[Any]], Sequence[Answer]]:
    """Answer calls one after the other; they come one at a time."""
    return lambda exploration, several: [answer(exploration, one) for one in several]


def _decoded(exploration: Exploration, several: Sequence[DecodeCall]) -> Sequence["Answer | Exception"]:
    wanted = [
        (one.base.base(), None if one.plane is None else one.plane.plane(), one.at, dict(one.shifts)) for one in several
    ]
    return exploration.run(several[0].run).decode_together(wanted)


CALLS: Final[dict[str, Call]] = {
    "session": Call(SessionCall, _each(lambda x, _: x.session()), "reads"),
    "column": Call(ColumnCall, _each(lambda x, p: x.run(p.run).column(p.name)), "reads"),
    "null": Call(NullCall, _each(lambda x, p: x.run(p.run).null(p.cloud, p.draw, p.names)), "long"),
    "lineup": Call(
        LineupCall,
        _each(lambda x, p: x.run(p.run).lineup(p.plane.plane(), p.cloud, p.window, p.panels, p.bins, p.seed)),
        "long",
    ),
    "guess": Call(GuessCall, _each(lambda x, p: x.run(p.run).guess(p.id, p.panel)), "reads"),
    "window": Call(
        WindowCall,
        _each(
            lambda x, p: x.run(p.run).window(
                p.plane.plane(), p.centre, p.half, None if p.null is None else (p.null.cloud, p.null.draw)
            )
        ),
        "long",
    ),
    "point": Call(PointCall, _each(lambda x, p: x.run(p.run).point(p.row, p.neighbours)), "quick"),
    "thumbnails": Call(ThumbnailsCall, _each(lambda x, p: x.run(p.run).thumbnails(p.rows, p.edge)), "reads"),
    "decode": Call(DecodeCall, _decoded, "quick", together=True),
    "meaning": Call(
        MeaningCall,
        _each(lambda x, p: x.run(p.run).meaning(p.base.base(), p.plane.plane(), p.window, p.side)),
        "long",
    ),
    "path": Call(
        PathCall,
        _each(
            lambda x, p: x.run(p.run).path(p.start, p.end, p.how, p.steps, None if p.plane is None else p.plane.plane())
        ),
        "long",
    ),
    "draw": Call(DrawCall, _each(lambda x, p: x.run(p.run).draw(p.sampler, p.n, p.seed, p.plane.plane())), "long"),
    "compare": Call(CompareCall, _each(lambda x, p: x.run(p.run).compare(p.rows)), "long"),
    "export": Call(ExportCall, _each(lambda x, p: x.run(p.run).export(p.rows, p.format)), "long"),
    "link": Call(LinkCall, _each(lambda x, p: x.link(p.a, p.b)), "reads"),
}
"""Every call by its name."""


def parameters_of(call: Call, content: object) -> CallParameters:
    """Check what a page sent.

    Parameters
    ----------
    call : Call
        The call.
    content : object
        From JSON.

    Returns
    -------
    CallParameters
        Within their bounds.

    Raises
    ------
    ParameterError
        Something is missing, unknown, of another type or out of its bounds; the first of it is named.
    """
    try:
        return call.takes.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "parameters"
        got = first["input"] if isinstance(first["input"], str | int | float | bool | None) else type(first["input"])
        says = re.sub(r"^(Value error, |Input should )", "", first["msg"])
        must = says[0].lower() + says[1:]
        raise ParameterError(name, must if must.startswith("be ") else f"fit: {must}", str(got)[:80]) from None
