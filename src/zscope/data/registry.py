"""The one list of sources."""

from typing import Final

from zscope.data.array import Array
from zscope.data.base import Source
from zscope.data.celeba import CelebA
from zscope.data.digits import Digits
from zscope.data.folder import Folder
from zscope.data.mnist import Mnist
from zscope.errors import ParameterError

SOURCES: Final[tuple[type[Source], ...]] = (Digits, Mnist, CelebA, Folder, Array)
"""Every source of images; a new one is added here and is then known everywhere."""


def open_source(spec: str) -> Source:
    """Open the source that a user names.

    Parameters
    ----------
    spec : str
        ``digits``, ``mnist:DIR``, …: the scheme, and behind a colon what it needs.

    Returns
    -------
    Source
        The source, nothing read yet.

    Raises
    ------
    ParameterError
        No source has this scheme, or what it needs is missing.
    SourceError
        There is no such folder or file.
    """
    scheme, _, argument = spec.partition(":")
    for source in SOURCES:
        if source.scheme == scheme:
            if ":" in source.example and not argument:
                raise ParameterError("source", f"be written {source.example}", spec)
            return source.open(argument)
    raise ParameterError("source", f"be one of {', '.join(source.example for source in SOURCES)}", spec)
