"""Sampling: draw codes from clouds fitted to a data set's codes, and decode them."""

from collections.abc import Callable, Sequence

import numpy as np

from zscope.clouds import cloud
from zscope.runs.samples import CloudSample
from zscope.typing import CodeArray, ImageArray, Progress, silent

DEFAULT_CLOUDS = ("normal", "uniform:2", "uniform:8", "uniform:10", "uniform:16", "axes", "covariance", "mixture")
"""The clouds that are sampled when none is named, by what they know of the codes."""


def sample_clouds(
    codes: CodeArray,
    decode: Callable[[CodeArray], ImageArray],
    specs: Sequence[str],
    n: int,
    seed: int,
    progress: Progress = silent,
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

    Returns
    -------
    list of CloudSample
        One entry a cloud, in the order of `specs`.
    """
    clouds = [cloud(spec) for spec in specs]
    samples = []
    for position, item in enumerate(clouds):
        progress(f"sampling {item.label}", position, len(clouds))
        drawn = item.fit(codes).draw(n, np.random.default_rng(seed))
        samples.append(CloudSample(item.spec, item.label, item.keeps, drawn, decode(drawn)))
    return samples
