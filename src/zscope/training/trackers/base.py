"""The contract of what follows a run from outside: scalars, pictures and events."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from zscope.errors import ZscopeError
from zscope.runs.run import Run
from zscope.typing import ImageArray


class Tracker:
    """Follows nothing; base of those that do.

    Attributes
    ----------
    name : str
        How the user asks for it.
    package : str
        The module that it needs; empty where it needs none.
    """

    name: ClassVar[str] = "none"
    package: ClassVar[str] = ""

    @classmethod
    def check(cls) -> None:
        """Check that the package is there; one line that names the extra where it is not."""
        if cls.package and find_spec(cls.package) is None:
            raise ZscopeError(f"--tracker {cls.name} needs {cls.package}: pip install 'zscope[trackers]'")

    @classmethod
    def imported(cls, module: str) -> Any:
        """Import a module of the package when it is wanted."""
        cls.check()
        return import_module(module)

    def begin(self, run: Run, step: int) -> None:
        """Begin to follow a run, whose next step is the one after `step`."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Take figures of a step by name, ``train/total``."""

    def picture(self, step: int, name: str, image: ImageArray) -> None:
        """Take a picture, uint8 of shape (H, W, C)."""

    def event(self, step: int, says: str) -> None:
        """Take a sentence about something that happened."""

    def end(self, state: str) -> None:
        """Follow the run no longer; `state` is ``finished``, ``interrupted`` or ``failed``."""


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write a nested configuration with one name for each value.

    Examples
    --------
    >>> flat({"model": {"z_dim": 16, "shape": [8, 8, 1]}})
    {'model.z_dim': 16, 'model.shape': [8, 8, 1]}
    """
    values: dict[str, Any] = {}
    for name, value in config.items():
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return values
