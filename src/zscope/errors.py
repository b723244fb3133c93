"""The exceptions that zscope raises for what a user gave it.

::

    ZscopeError                exit code 1, one line on standard error
    ├── ParameterError         exit code 2: a parameter is out of its bounds
    ├── SourceError            images or labels that cannot be read
    ├── CodesError             codes that cannot be measured or fitted
    ├── FormatError            a file that is not in the format it should have
    ├── ExistsError            a folder that would be overwritten
    └── TrainingError          a run that cannot go on

Anything else that escapes is a defect of zscope.
"""

from typing import ClassVar


class ZscopeError(Exception):
    """Base of every error that is the input's, not the program's."""

    exit_code: ClassVar[int] = 1


class ParameterError(ZscopeError):
    """A parameter is out of its bounds.

    Parameters
    ----------
    name : str
        The parameter, as the user writes it (``--z-dim`` or ``z_dim``).
    must : str
        What it must be, to be read after "must" (``be at least 1``).
    got : object
        The value that was given.

    Examples
    --------
    >>> str(ParameterError("z_dim", "be at least 1", 0))
    'z_dim must be at least 1, got 0'
    """

    exit_code = 2

    def __init__(self, name: str, must: str, got: object) -> None:
        self.name = name
        self.must = must
        self.got = got
        shown = got if isinstance(got, str) else repr(got)
        super().__init__(f"{name} must {must}, got {shown}")


class SourceError(ZscopeError):
    """Images or labels that cannot be read."""


class CodesError(ZscopeError):
    """Codes that cannot be measured or fitted."""


class FormatError(ZscopeError):
    """A file or folder that is not in the format it should have."""


class ExistsError(ZscopeError):
    """A folder that exists and would be overwritten."""


class TrainingError(ZscopeError):
    """A run that cannot be trained, resumed or restarted."""
