"""Perturbations: what the decoder makes of places around a code."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.paths import Decode
from zscope.measures.pca import principal_axes
from zscope.models.tensors import to_uint8
from zscope.typing import CodeArray, FloatArray, ImageArray

SIZES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Sizes of the perturbations over the typical distance between neighbours."""

Quality = Callable[[ImageArray], FloatArray]
"""Images (n, H, W, C), uint8 → how far each is from real ones (n,): up to 1 it is meaningful."""


@dataclass(frozen=True, eq=False)
class Perturbed:
    """A code moved by several sizes in several directions of one kind.

    Attributes
    ----------
    kind : str
        A name in `DIRECTIONS`.
    sizes : ndarray of shape (s,), float64
        |δ| over the typical distance between neighbours.
    images : ndarray of shape (s, m, H, W, C), uint8
        What the moved codes decode to, in m directions.
    change : ndarray of shape (s, m), float64
        |g(z + δ) − g(z)| in pixel units: Euclidean over all pixels and channels, values from 0 to 1.
    code_distance : ndarray of shape (s, m), float64
        Distance to the nearest code, the moved one left out, over the typical distance between neighbours.
    quality : ndarray of shape (s, m), float64, or None
        What the judge says of the images.
    """

    kind: str
    sizes: NDArray[np.float64]
    images: ImageArray
    change: NDArray[np.float64]
    code_distance: NDArray[np.float64]
    quality: NDArray[np.float64] | None


DIRECTIONS = ("random", "principal", "neighbour")
"""Kinds of directions, see `directions`."""


def directions(kind: str, code: CodeArray, codes: CodeArray, m: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give unit vectors in which to move a code.

    ``random``: drawn evenly from the sphere. ``principal``: along the leading principal axes of the codes, both ways.
    ``neighbour``: towards the nearest codes; one that lies at the same place has no direction and is passed over.

    Parameters
    ----------
    kind : str
        A name in `DIRECTIONS`.
    code : ndarray of shape (d,)
        The code.
    codes : ndarray of shape (N, d)
        The other codes.
    m : int
        How many, at least 1; there are at most 2 d principal ones, and N towards neighbours.
    rng : numpy.random.Generator
        Draws the random ones.

    Returns
    -------
    ndarray of shape (m, d), float64
        Nearest and leading ones first.

    Raises
    ------
    ParameterError
        There is no such kind, or `m` is below 1.
    """
    if kind not in DIRECTIONS:
        raise ParameterError("directions", f"be one of {', '.join(DIRECTIONS)}", kind)
    if m < 1:
        raise ParameterError("m", "be at least 1", m)
    if kind == "random":
        return _unit(rng.standard_normal((m, len(code))))
    if kind == "principal":
        axes = principal_axes(codes).components[: (m + 1) // 2]
        return np.stack([axes, -axes], axis=1).reshape(-1, codes.shape[1])[:m]
    apart = codes.astype(np.float64) - code
    lengths = np.linalg.norm(apart, axis=1)
    order = np.argsort(lengths, kind="stable")
    return _unit(apart[order[lengths[order] > 0][:m]])


def perturbed(
    code: CodeArray,
    neighbourhood: Neighbourhood,
    decode: Decode,
    kind: str,
    *,
    m: int = 16,
    sizes: tuple[float, ...] = SIZES,
    quality: Quality | None = None,
    rng: np.random.Generator,
) -> Perturbed:
    """Move a code and decode it.

    Parameters
    ----------
    code : ndarray of shape (d,), float32
        The code.
    neighbourhood : Neighbourhood
        The other codes: without this one.
    decode : callable
        Codes to pictures (n, H, W, C).
    kind : str
        A name in `DIRECTIONS`.
    m : int
        Directions, at least 1; of principal ones there are at most 2 d, of neighbours at most N.
    sizes : tuple of float
        Over the typical distance between neighbours, above 0.
    quality : callable, optional
        The judge.
    rng : numpy.random.Generator
        Draws random directions.

    Returns
    -------
    Perturbed
        The same directions at every size.

    Raises
    ------
    ParameterError
        There is no such kind, or a number is out of its bounds.
    """
    if not sizes or not min(sizes) > 0:
        raise ParameterError("sizes", "be numbers above 0", sizes)
    units = directions(kind, code, neighbourhood.codes, m, rng)
    steps = np.asarray(sizes, dtype=np.float64)
    moved = (code + neighbourhood.typical * steps[:, None, None] * units).astype(np.float32)
    shape = moved.shape[:2]
    pictures = np.concatenate([decode(part) for part in moved])
    change = np.linalg.norm((pictures - decode(code[None])).reshape(len(pictures), -1).astype(np.float64), axis=1)
    images = to_uint8(pictures)
    flat = moved.reshape(-1, len(code))
    judged = None if quality is None else np.asarray(quality(images), dtype=np.float64).reshape(shape)
    return Perturbed(
        kind,
        steps,
        images.reshape(*shape, *images.shape[1:]),
        change.reshape(shape),
        neighbourhood.ratio(flat).astype(np.float64).reshape(shape),
        judged,
    )


def largest_meaningful(found: Perturbed) -> float | None:
    """Size up to which at least half of the directions give a meaningful image (quality ≤ 1) at every smaller size too.

    Returns
    -------
    float or None
        Over the typical distance between neighbours; 0 where not even the smallest size does, None without a judge.
    """
    if found.quality is None:
        return None
    rising = np.argsort(found.sizes)
    good = (found.quality[rising] <= 1).mean(axis=1) >= 0.5
    reached = len(good) if good.all() else int(good.argmin())
    return float(found.sizes[rising][reached - 1]) if reached else 0.0


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
