"""Interchangeable parts of an objective: a name, options as fields, and one way to write them down."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_serializer

from zscope.errors import ParameterError

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Part(BaseModel):
    """One of a list of interchangeable parts. Its fields are its options; what it does is a method of its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    formula: ClassVar[str]

    @property
    def text(self) -> str:
        """``NAME`` or ``NAME:OPTION=VALUE,…`` with the options that are not at their default, as `chosen` reads it."""
        fields = type(self).model_fields
        given = {option: getattr(self, option) for option in fields if getattr(self, option) != fields[option].default}
        options = ",".join(f"{option}={value}" for option, value in given.items())
        return f"{self.name}:{options}" if options else self.name

    @model_serializer(mode="plain")
    def _written(self) -> dict[str, Any]:
        return {"name": self.name, **{option: getattr(self, option) for option in type(self).model_fields}}


PartT = TypeVar("PartT", bound=Part)


def chosen(kind: str, parts: Mapping[str, PartT], value: object) -> PartT:
    """Take a part from the list of its kind.

    Parameters
    ----------
    kind : str
        What the parts are, as a user writes it (``schedule``).
    parts : mapping of str to Part
        The list, each with its default options.
    value : str, mapping or Part
        ``NAME`` or ``NAME:OPTION=VALUE,…``; a mapping of ``name`` and options, as configurations store it; or the part.

    Returns
    -------
    Part
        The part with its options.

    Raises
    ------
    ParameterError
        Another name, an option that the part does not have, or a value out of its bounds.

    Examples
    --------
    >>> from zscope.models.schedules import SCHEDULES
    >>> chosen("schedule", SCHEDULES, "cyclical:cycles=3")
    Cyclical(cycles=3, ratio=0.5)
    >>> chosen("schedule", SCHEDULES, {"name": "linear", "epochs": 5})
    Linear(epochs=5.0)
    """
    if isinstance(value, Part):
        name, options = value.name, value.model_dump()
        options.pop("name")
    else:
        name, options = _read(kind, value)
    if name not in parts:
        raise ParameterError(kind, f"be one of {', '.join(parts)}", name)
    part = type(parts[name])
    for option in options:
        if option not in part.model_fields:
            known = f"have only the options {', '.join(part.model_fields)}" if part.model_fields else "have no options"
            raise ParameterError(f"{kind} {name}", known, option)
    try:
        return part(**options)
    except ValidationError as error:
        wrong = parameter_error(error)
        raise ParameterError(f"{kind} {name}: {wrong.name}", wrong.must, wrong.got) from None


def _read(kind: str, value: object) -> tuple[str, dict[str, Any]]:
    if isinstance(value, Mapping):
        options = dict(value)
        return str(options.pop("name", "nothing")), options
    if not isinstance(value, str):
        raise ParameterError(kind, "be NAME, NAME:OPTION=VALUE,… or a mapping with a name", value)
    name, _, rest = value.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",")] if rest else []
    if not all(option and equals and given for option, equals, given in pairs):
        raise ParameterError(kind, "be NAME or NAME:OPTION=VALUE,…", value)
    return name.strip(), {option.strip(): given.strip() for option, _, given in pairs}


def chosen_all(kind: str, parts: Mapping[str, PartT], value: object) -> tuple[PartT, ...]:
    """Take several parts: what `chosen` takes, or a list of it; texts may be several, joined by ``+``.

    Examples
    --------
    >>> from zscope.models.regularisers import REGULARISERS
    >>> chosen_all("regulariser", REGULARISERS, "l2:weight=1e+2+gradient-penalty")
    (SquaredNorm(weight=100.0), GradientPenalty(weight=0.01))
    """
    items: list[object] = []
    for item in value if isinstance(value, list | tuple) else [value]:
        # The sign of an exponent is followed by a digit, a name by a letter.
        items += [text for text in re.split(r"\s*\+\s*(?=[a-z])", item) if text] if isinstance(item, str) else [item]
    found = tuple(chosen(kind, parts, item) for item in items)
    names = [part.name for part in found]
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(kind, "name each part once", "+".join(names))
    return found


def parameter_error(error: ValidationError) -> ParameterError:
    """Turn pydantic's first complaint into one line: name, bound and value."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "config"
    message = first["msg"]
    if first["type"] == "extra_forbidden":
        message = "be left out: there is no option of that name"
    for prefix in ("Input should ", "String should ", "Value error, "):
        message = message.removeprefix(prefix)
    return ParameterError(name, message, first["input"])
