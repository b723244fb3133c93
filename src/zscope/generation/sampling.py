"""Sampling: draw codes from clouds fitted to a data set's codes, and decode them."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from zscope.clouds import Cloud, PriorCloud, cloud
from zscope.errors import CodesError, ParameterError
from zscope.runs.samples import CloudSample
from zscope.typing import CodeArray, ImageArray, Progress, silent

Components = tuple[CodeArray, CodeArray]
"""Means and log-variances of the components of a prior, of shape (K, d) each."""

DEFAULT_CLOUDS = ("normal", "uniform:2", "uniform:8", "uniform:10", "uniform:16", "axes", "covariance", "mixture")
"""The clouds that are sampled when none is named, by what they know of the codes."""

PRIOR = PriorCloud.name

FIXED = ("normal", "uniform", PRIOR)
"""Clouds that learn nothing from the codes, and so nothing of the posteriors' noise."""


def fitted(
    spec: str,
    codes: CodeArray,
    logvar: CodeArray | None = None,
    components: Callable[[], Components | None] | None = None,
) -> Cloud:
    """Make a cloud from its text and fit it to what it learns from.

    Parameters
    ----------
    spec : str
        The cloud.
    codes, logvar : ndarray of shape (N, d)
        Codes, and log-variances where there are any.
    components : callable, optional
        Gives means and log-variances (K, d) of the components of the model's prior, or None; asked for ``prior`` alone.

    Raises
    ------
    CodesError
        The cloud is ``prior``, and there are no components.
    """
    if spec != PRIOR:
        return cloud(spec).fit(codes, logvar)
    found = None if components is None else components()
    if found is None:
        raise CodesError("prior is read from a model that has one: codes alone have none, nor has an AE")
    return PriorCloud().fit(*found)


def with_prior(specs: Sequence[str], named: str) -> list[str]:
    """Put a model's own prior behind N(0, I), where that is among clouds and is not the prior (named ``normal``)."""
    place = list(specs).index("normal") + 1 if "normal" in specs else 0
    if not place or named == "normal" or PRIOR in specs:
        return list(specs)
    return [*specs[:place], PRIOR, *specs[place:]]


def sample_clouds(
    codes: CodeArray,
    decode: Callable[[CodeArray], ImageArray],
    specs: Sequence[str],
    n: int,
    seed: int,
    progress: Progress = silent,
    *,
    logvar: CodeArray | None = None,
) -> list[CloudSample]:
    """Draw codes from each cloud, fitted to codes, and decode them.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        The codes that clouds are fitted to.
    decode : callable
        Codes of shape (n, d) → uint8 images (n, H, W, C).
    specs : sequence of str
        Clouds as `zscope.clouds.cloud` takes them.
    n : int
        Images a cloud.
    seed : int
        Every cloud draws from a generator of its own with this seed.
    progress : Progress
        Told of every cloud.
    logvar : ndarray of shape (N, d), optional
        Log-variances of the posteriors: clouds learn from draws of them.

    Returns
    -------
    list of CloudSample
        One entry a cloud, in the order of `specs`.
    """
    labels = [cloud(spec).label for spec in specs]
    samples = []
    for position, (spec, label) in enumerate(zip(specs, labels, strict=True)):
        progress(f"sampling {label}", position, len(labels))
        samples.append(sample_of(fitted(spec, codes, logvar), decode, n, seed))
    return samples


def sample_of(item: Cloud, decode: Callable[[CodeArray], ImageArray], n: int, seed: int) -> CloudSample:
    """Draw `n` codes from a fitted cloud with a generator of this seed, and decode them."""
    drawn = item.draw(n, np.random.default_rng(seed))
    return CloudSample(item.spec, item.label, item.keeps, drawn, decode(drawn))


def with_noise_factor(logvar: CodeArray | None, factor: float) -> CodeArray | None:
    """Log-variances of posteriors whose noise is multiplied by a factor: log σ² + 2 log f.

    Parameters
    ----------
    logvar : ndarray of shape (N, d) or None
        Log-variances; None for an AE.
    factor : float
        f, at least 0 and finite.

    Returns
    -------
    ndarray of shape (N, d) or None
        None where there is no noise: of an AE, and for f = 0.

    Raises
    ------
    ParameterError
        f is out of bounds, or not 1 where there is no noise to multiply.
    """
    if not (math.isfinite(factor) and factor >= 0):
        raise ParameterError("eps_factor", "be at least 0 and finite", factor)
    if logvar is None:
        if factor != 1:
            raise ParameterError("eps_factor", "be left out for an AE, whose posteriors have no noise", factor)
        return None
    if factor == 1:
        return logvar
    return None if factor == 0 else logvar + np.float32(2 * math.log(factor))
