"""Clouds: ways to draw codes. Used to sample images, and as nulls that measures are held against."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from zscope.clouds.axes import AxesCloud
from zscope.clouds.axes_empirical import AxesEmpiricalCloud
from zscope.clouds.base import Cloud, DensityCloud, checked_codes
from zscope.clouds.copula import CopulaCloud
from zscope.clouds.covariance import CovarianceCloud
from zscope.clouds.ellipsoid import EllipsoidCloud
from zscope.clouds.elliptical import EllipticalCloud
from zscope.clouds.flow import FlowCloud
from zscope.clouds.kde import KdeCloud
from zscope.clouds.mixture import MixtureCloud
from zscope.clouds.neighbours import NeighboursCloud
from zscope.clouds.normal import NormalCloud
from zscope.clouds.permuted import PermutedCloud
from zscope.clouds.posterior import PosteriorCloud
from zscope.clouds.prior import PriorCloud
from zscope.clouds.radius import RadiusCloud
from zscope.clouds.second_stage import SecondStageCloud
from zscope.clouds.uniform import UniformCloud
from zscope.errors import ParameterError

__all__ = [
    "CLOUDS",
    "AxesCloud",
    "AxesEmpiricalCloud",
    "Cloud",
    "CopulaCloud",
    "CovarianceCloud",
    "DensityCloud",
    "EllipsoidCloud",
    "EllipticalCloud",
    "FlowCloud",
    "KdeCloud",
    "MixtureCloud",
    "NeighboursCloud",
    "NormalCloud",
    "PermutedCloud",
    "PosteriorCloud",
    "PriorCloud",
    "RadiusCloud",
    "SecondStageCloud",
    "UniformCloud",
    "checked_codes",
    "cloud",
    "restored",
]

CLOUDS: dict[str, type[Cloud]] = {
    kind.name: kind
    for kind in (
        NormalCloud,
        UniformCloud,
        PriorCloud,
        RadiusCloud,
        AxesCloud,
        AxesEmpiricalCloud,
        PermutedCloud,
        CopulaCloud,
        CovarianceCloud,
        EllipticalCloud,
        EllipsoidCloud,
        MixtureCloud,
        KdeCloud,
        NeighboursCloud,
        FlowCloud,
        SecondStageCloud,
        PosteriorCloud,
    )
}
"""Every cloud by name, ordered by how much it knows of the codes."""


def cloud(spec: str) -> Cloud:
    """Make a cloud from its text.

    Parameters
    ----------
    spec : str
        A name in `CLOUDS`, with a figure behind a colon where the cloud takes one: ``normal``, ``uniform:8`` (half
        width), ``mixture:20`` (number of Gaussians), ``ellipsoid:0.5`` (share of the codes inside), ``neighbours:10``.

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


def restored(spec: str, state: Mapping[str, NDArray[Any]]) -> Cloud:
    """Make a fitted cloud from its text and its state, without the codes.

    Parameters
    ----------
    spec : str
        `Cloud.spec` of a fitted cloud.
    state : mapping of str to ndarray
        Its `Cloud.state`.

    Returns
    -------
    Cloud
        Draws the same codes from the same state of a generator.

    Raises
    ------
    ParameterError
        If there is no such cloud.
    FormatError
        If the state is not that of such a cloud.
    """
    return cloud(spec).restore(state)
