"""Lists in the runs of a study file: each of them becomes runs, one for every combination of the values."""

import re
from collections.abc import Mapping
from itertools import product
from math import prod
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from zscope.errors import ParameterError
from zscope.study.request import TrainRequest

MOST_RUNS = 200
"""Runs that one study file may expand to."""

SEEDS = "seeds"
"""Key for a number of seeds, counted from ``seed``, or a list of them."""

FIXED = ("device", "keep_every", "grids_every", "tracker")
"""Options that change nothing of the model: runs that differ in them alone would be one run twice."""

WORDS = {"z_dim": "z", "seed": "s"}
"""What stands for a key in the name of a run, where it is not the key itself."""

WEIGHTS = ("beta", "fact")


def expanded(entry: str, options: Mapping[str, Any]) -> dict[str, TrainRequest]:
    """Expand the options of one entry into requests, one for every combination of the values of its lists.

    A key whose value is itself a list (``filters``) is varied by a list of lists. ``seeds: 4`` means four seeds,
    counted from ``seed`` (0); ``seeds: [1, 5]`` these.

    Parameters
    ----------
    entry : str
        The name in the study file.
    options : mapping
        Options of ``zscope train``, any of them a list.

    Returns
    -------
    dict of str to TrainRequest
        By name: `entry`, then each varied key with its value, the seed last: ``vae-fact0.1-z16-s2``. The entry's own
        name where nothing is varied.

    Raises
    ------
    ParameterError
        A list where none can be, an empty one, a value twice, a weight of an AE, or more runs than `MOST_RUNS`.
    """
    fixed, varied = _parted(entry, options)
    count = prod(len(values) for values in varied.values())
    if count > MOST_RUNS:
        sizes = " × ".join(str(len(values)) for values in varied.values())
        raise ParameterError(f"runs.{entry}", f"expand to at most {MOST_RUNS} runs", f"{sizes} = {count:,}")
    requests: dict[str, TrainRequest] = {}
    for values in product(*varied.values()):
        chosen = dict(zip(varied, values, strict=True))
        request = _requested(entry, {**fixed, **chosen})
        name = "-".join([entry, *(_word(key, getattr(request, key)) for key in chosen)])
        if name in requests:
            raise ParameterError(f"runs.{entry}", "hold every value once", f"two runs {name}")
        requests[name] = request
    return requests


def _requested(entry: str, options: Mapping[str, Any]) -> TrainRequest:
    try:
        request = TrainRequest.of(**options)
        request.check()
    except ParameterError as error:
        raise ParameterError(f"runs.{entry}.{error.name}", error.must, error.got) from None
    return request


def _parted(entry: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Part the options that are the same for all runs of an entry from those that vary, the seed last."""
    fixed: dict[str, Any] = {}
    varied: dict[str, list[Any]] = {}
    for key, value in options.items():
        place = f"runs.{entry}.{key}"
        if key == SEEDS:
            continue
        if not is_varied(key, value):
            fixed[key] = value
            continue
        if key in FIXED:
            raise ParameterError(place, "be one value: it changes nothing of the model", value)
        if key in WEIGHTS and options.get("model", "ae") == "ae":
            raise ParameterError(place, "be left out for an AE, which has no KL (use a VAE)", value)
        varied[key] = _values(place, value)
    if SEEDS in options:
        varied["seed"] = _seeds(entry, options)
        fixed.pop("seed", None)
    elif "seed" in varied:
        varied["seed"] = varied.pop("seed")
    return fixed, varied


def is_varied(key: str, value: object) -> bool:
    """Say whether a value is a list of values for a key, and not one value that is a list.

    Examples
    --------
    >>> is_varied("z_dim", [16, 64]), is_varied("filters", [8, 16]), is_varied("filters", [[8], [8, 16]])
    (True, False, True)
    """
    if not isinstance(value, list):
        return False
    field = TrainRequest.model_fields.get(key)
    if field is None or not _holds_list(field.annotation):
        return True
    return bool(value) and all(isinstance(one, list) for one in value)


def _holds_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        return any(_holds_list(part) for part in get_args(annotation))
    return (origin or annotation) in (tuple, list)


def _values(place: str, values: list[Any]) -> list[Any]:
    if not values:
        raise ParameterError(place, "hold at least one value", "an empty list")
    return values


def _seeds(entry: str, options: Mapping[str, Any]) -> list[Any]:
    place, seeds, first = f"runs.{entry}.{SEEDS}", options[SEEDS], options.get("seed", 0)
    if isinstance(seeds, list):
        if "seed" in options:
            raise ParameterError(place, "be a number where seed is given, or stand alone as a list", seeds)
        return _values(place, seeds)
    if isinstance(first, list):
        raise ParameterError(f"runs.{entry}.seed", f"be one number where {SEEDS} is given", first)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ParameterError(place, "be a whole number of at least 1, or a list of seeds", seeds)
    if seeds > MOST_RUNS:
        raise ParameterError(place, f"be at most {MOST_RUNS}", seeds)
    start = _requested(entry, {"seed": first}).seed
    return list(range(start, start + seeds))


def _word(key: str, value: object) -> str:
    word, shown = WORDS.get(key, key.replace("_", "-")), value_word(value)
    return f"{word}-{shown}" if shown[:1].isalpha() else word + shown


def value_word(value: object) -> str:
    """Write a value as part of a folder's name.

    Examples
    --------
    >>> value_word(1e-05), value_word(0.1), value_word((8, 16)), value_word(True), value_word(None), value_word(2e15)
    ('1e-5', '0.1', '8x16', 'on', 'none', '2e15')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "on", False: "off"}[value]
    if isinstance(value, dict):
        value = "-".join(str(part) for part in value.values())
    if isinstance(value, (tuple, list)):
        return "x".join(value_word(part) for part in value) or "none"
    if isinstance(value, float):
        return re.sub(r"e([+-])0*", lambda found: "e-" if found[1] == "-" else "e", f"{value:.12g}")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", str(value)).strip("-")
