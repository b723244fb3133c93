"""Clouds: ways to draw codes. Used to sample images, and as nulls that measures are held against."""

from zscope.clouds.axes import AxesCloud
from zscope.clouds.base import Cloud, checked_codes
from zscope.clouds.copula import CopulaCloud
from zscope.clouds.covariance import CovarianceCloud
from zscope.clouds.elliptical import EllipticalCloud
from zscope.clouds.mixture import MixtureCloud
from zscope.clouds.normal import NormalCloud
from zscope.clouds.permuted import PermutedCloud
from zscope.clouds.uniform import UniformCloud
from zscope.errors import ParameterError

__all__ = [
    "CLOUDS",
    "AxesCloud",
    "Cloud",
    "CopulaCloud",
    "CovarianceCloud",
    "EllipticalCloud",
    "MixtureCloud",
    "NormalCloud",
    "PermutedCloud",
    "UniformCloud",
    "checked_codes",
    "cloud",
]

CLOUDS: dict[str, type[Cloud]] = {
    kind.name: kind
    for kind in (
        NormalCloud,
        UniformCloud,
        AxesCloud,
        PermutedCloud,
        CopulaCloud,
        CovarianceCloud,
        EllipticalCloud,
        MixtureCloud,
    )
}
"""Every cloud by name, ordered by how much it knows of the codes."""


def cloud(spec: str) -> Cloud:
    """Make a cloud from its text.

    Parameters
    ----------
    spec : str
        A name in `CLOUDS`, with a figure behind a colon where the cloud takes one: ``normal``, ``uniform:8`` (half
        width), ``mixture:20`` (number of Gaussians).

    Returns
    -------
    Cloud
        Not yet fitted.

    Raises
    ------
    ParameterError
        If there is no such cloud, or its figure is out of bounds.

    Examples
    --------
    >>> cloud("uniform:8").label
    'uniform in [−8, 8]'
    """
    name, colon, figure = spec.partition(":")
    if name not in CLOUDS:
        raise ParameterError("cloud", f"be one of {', '.join(CLOUDS)}", spec or "nothing")
    return CLOUDS[name].from_figure(figure) if colon else CLOUDS[name]()
