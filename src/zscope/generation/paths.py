"""Paths between two codes, and how long they are in latent space and in pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.typing import CodeArray, FloatArray

Decode = Callable[[CodeArray], FloatArray]
"""Codes (n, d) → pictures (n, …), pixel values from 0 to 1."""

HOW = ("linear", "spherical", "graph", "geodesic")
"""The kinds of paths, by what they know: nothing, the codes' centre, the codes, the decoder."""

_POINTS_OF_ARC = 33
"""Points that a great circle is drawn through: half a circle is too short by 4e-4 of itself."""
_ANGLE = 1e-6
_BATCH = 256


@dataclass(frozen=True, eq=False)
class CodePath:
    """A path from one code to another.

    Attributes
    ----------
    how : str
        One of `HOW`.
    curve : ndarray of shape (m, d), float64
        The path as a line through m ≥ 2 points.
    frames : ndarray of shape (steps, d), float32
        The codes that are shown; the first and last are the ends.
    notes : tuple of str
        What the reader should know of it, in sentences.
    """

    how: str
    curve: NDArray[np.float64]
    frames: CodeArray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageLength:
    """Length of the pictures that a curve of codes decodes to.

    Attributes
    ----------
    value : float
        ∫|J ż| dt in pixel units: the Euclidean norm over all pixels and channels, of values from 0 to 1. Turning one
        black pixel of a grey image white has the length 1.
    along : tuple of float
        Length from the first point to each point of the curve.
    pieces : int
        Pieces of a segment between two points of the curve.
    converged : bool
        Whether the last two doublings of the pieces changed it by less than the tolerance.
    """

    value: float
    along: tuple[float, ...]
    pieces: int
    converged: bool


def linear(start: FloatArray, end: FloatArray, steps: int) -> CodePath:
    """Straight line z(t) = (1 − t) z₀ + t z₁.

    In a centred shell of radius R in many dimensions two codes are nearly at a right angle, and the midpoint has the
    radius R/√2: the straight line leaves the shell.

    Parameters
    ----------
    start, end : ndarray of shape (d,)
        The ends.
    steps : int
        Frames, at least 2.

    Returns
    -------
    CodePath
        With frames at equal distances.
    """
    curve = np.stack([_point(start), _point(end)])
    return CodePath("linear", curve, resampled(curve, steps))


def spherical(start: FloatArray, end: FloatArray, steps: int, centre: FloatArray) -> CodePath:
    """Great circle about a centre: z(t) = c + ((1 − t) r₀ + t r₁) (cos(ωt) û + sin(ωt) ŵ).

    û points from c to z₀, ŵ is the part of the direction of z₁ at a right angle to it, ω the angle between both; the
    radius goes from r₀ to r₁ evenly (Shoemake 1985 for unit quaternions; White 2016 for codes). Where an end lies in
    the centre or both lie in one direction this is the straight line. Ends that lie opposite each other have no one
    great circle: then ŵ is the latent axis that is least along û, made orthogonal to it, and a note says so.

    Parameters
    ----------
    start, end : ndarray of shape (d,)
        The ends.
    steps : int
        Frames, at least 2.
    centre : ndarray of shape (d,)
        What the path turns about: the codes' mean, since the origin means nothing to an AE.

    Returns
    -------
    CodePath
        With frames at equal angles.
    """
    first, last, middle = _point(start), _point(end), _point(centre)
    radii = np.linalg.norm(first - middle), np.linalg.norm(last - middle)
    if not min(radii) > 0:
        return CodePath("spherical", *_straight(first, last, steps), ("An end lies in the centre.",))
    u, v = (first - middle) / radii[0], (last - middle) / radii[1]
    # The arc cosine of u·v would lose half of the digits near 0 and π.
    angle = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    opposite = np.pi - angle < _ANGLE
    if angle < _ANGLE or (opposite and len(u) < 2):
        return CodePath("spherical", *_straight(first, last, steps))
    side = np.eye(len(u))[np.abs(u).argmin()] if opposite else v
    side = side - (side @ u) * u
    side /= np.linalg.norm(side)

    def at(points: int) -> NDArray[np.float64]:
        t = np.linspace(0, 1, points)[:, None]
        turned = np.cos(angle * t) * u + np.sin(angle * t) * side
        found: NDArray[np.float64] = middle + ((1 - t) * radii[0] + t * radii[1]) * turned
        found[0], found[-1] = first, last
        return found

    notes = ("The ends lie opposite each other: one of many half circles was taken.",) if opposite else ()
    return CodePath("spherical", at(_POINTS_OF_ARC), at(_steps(steps)).astype(np.float32), notes)


def latent_length(curve: FloatArray) -> float:
    """Length of a line through points (m, d): Σ|z_{t+1} − z_t|, in latent units."""
    return float(np.linalg.norm(np.diff(np.asarray(curve, dtype=np.float64), axis=0), axis=1).sum())


def resampled(curve: FloatArray, steps: int, along: FloatArray | None = None) -> CodeArray:
    """Frames at equal lengths along a line through points.

    Parameters
    ----------
    curve : ndarray of shape (m, d)
        The points, m ≥ 2.
    steps : int
        Frames, at least 2.
    along : ndarray of shape (m,), optional
        Length from the first point to each, never falling; by default in latent units.

    Returns
    -------
    ndarray of shape (steps, d), float32
        The first and last are those of the curve.
    """
    points = np.asarray(curve, dtype=np.float64)
    if along is None:
        along = np.concatenate([[0.0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()])
    lengths = np.asarray(along, dtype=np.float64)
    if not lengths[-1] > 0:
        lengths = np.linspace(0, 1, len(points))
    wanted = np.linspace(0, lengths[-1], _steps(steps))
    before = np.clip(np.searchsorted(lengths, wanted, side="right") - 1, 0, len(points) - 2)
    width = lengths[before + 1] - lengths[before]
    share = np.divide(wanted - lengths[before], width, out=np.zeros_like(wanted), where=width > 0)[:, None]
    frames = (1 - share) * points[before] + share * points[before + 1]
    frames[0], frames[-1] = points[0], points[-1]
    return frames.astype(np.float32)


def image_length(decode: Decode, curve: FloatArray, *, tolerance: float = 0.005, most: int = 4096) -> ImageLength:
    """Length of the decoded curve, ∫|J ż| dt, by the differences of pictures at ever smaller steps.

    Every segment is cut into 2, 4, 8, … pieces, at least 16 in all, until the sum of |g(z_{i+1}) − g(z_i)| grew by
    less than `tolerance` of itself over two doublings: over one that may be chance where pictures go to and fro.
    Chords are too short by an amount that falls with the square of their number, so what is still missing is about a
    third of the last growth.

    Parameters
    ----------
    decode : callable
        Codes to pictures.
    curve : ndarray of shape (m, d)
        A line through points, m ≥ 2.
    tolerance : float
        Relative.
    most : int
        Pictures at most; the result says where they did not suffice.

    Returns
    -------
    ImageLength
        In pixel units.
    """
    points = np.asarray(curve, dtype=np.float64)
    segments, pieces = len(points) - 1, 2
    while pieces * segments < 16:
        pieces *= 2
    values: list[float] = []
    while True:
        steps = _picture_steps(decode, _divided(points, pieces))
        value = float(steps.sum())
        values.append(value)
        converged = len(values) > 2 and values[-1] - values[-3] <= tolerance * value
        if converged or 2 * pieces * segments >= most:
            break
        pieces *= 2
    along = np.concatenate([[0.0], steps.reshape(segments, pieces).sum(axis=1).cumsum()])
    return ImageLength(value, tuple(map(float, along)), pieces, converged)


def picture_distance(decode: Decode, start: FloatArray, end: FloatArray) -> float:
    """Distance |g(z₁) − g(z₀)| of two decoded pictures in pixel units: no path between them can be shorter."""
    return float(_picture_steps(decode, np.stack([_point(start), _point(end)]))[0])


def _point(code: FloatArray) -> NDArray[np.float64]:
    return np.asarray(code, dtype=np.float64)


def _steps(steps: int) -> int:
    if steps < 2:
        raise ParameterError("steps", "be at least 2", steps)
    return steps


def _straight(
    first: NDArray[np.float64], last: NDArray[np.float64], steps: int
) -> tuple[NDArray[np.float64], CodeArray]:
    curve = np.stack([first, last])
    return curve, resampled(curve, steps)


def _divided(points: NDArray[np.float64], pieces: int) -> NDArray[np.float64]:
    share = np.linspace(0, 1, pieces, endpoint=False)[None, :, None]
    inner = (1 - share) * points[:-1, None] + share * points[1:, None]
    return np.concatenate([inner.reshape(-1, points.shape[1]), points[-1:]])


def _picture_steps(decode: Decode, codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of the pictures of neighbouring codes, in batches that share their border."""
    steps = []
    for start in range(0, len(codes) - 1, _BATCH):
        pictures = decode(codes[start : start + _BATCH + 1].astype(np.float32))
        flat = np.asarray(pictures, dtype=np.float32).reshape(len(pictures), -1)
        steps.append(np.linalg.norm(np.diff(flat, axis=0).astype(np.float64), axis=1))
    return np.concatenate(steps)
