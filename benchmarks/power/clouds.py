"""Clouds whose truth is known: of the nulls' own kinds, where there is nothing to find, and with planted structure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma, norm, t

Draw = Callable[[np.random.Generator], np.ndarray]


def spectrum(d: int, rng: np.random.Generator) -> np.ndarray:
    """A random covariance factor: variances falling as a power of their rank, random directions."""
    scales = np.arange(1, d + 1) ** -rng.uniform(0, 0.7)
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return scales * rotation


def gaussian(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((n, d)) @ spectrum(d, rng) + rng.uniform(-3, 3, d)


def normal(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((n, d))


def elliptical(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Student's t with 5 or 8 degrees of freedom, or radii of a uniform ball."""
    kind = rng.integers(3)
    points = rng.standard_normal((n, d))
    if kind < 2:
        degrees = (5, 8)[kind]
        points *= np.sqrt(degrees / rng.chisquare(degrees, n))[:, None]
    else:
        points *= (rng.uniform(size=n) ** (1 / d) / np.linalg.norm(points, axis=1))[:, None]
    return points @ spectrum(d, rng)


def copula(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian copula with gamma(3), Student t5 or uniform axes."""
    correlated = rng.standard_normal((n, d)) @ spectrum(d, rng)
    uniform = norm.cdf(correlated / correlated.std(axis=0))
    kind = rng.integers(3)
    uniform = np.clip(uniform, 1e-9, 1 - 1e-9)
    return (gamma(3).ppf, t(5).ppf, lambda u: u)[kind](uniform)


def permuted(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Independent axes: gamma, t5, uniform and Gaussian ones side by side."""
    kinds = rng.integers(4, size=d)
    columns = [
        (
            lambda: rng.gamma(3, size=n),
            lambda: rng.standard_t(5, size=n),
            lambda: rng.uniform(size=n),
            lambda: rng.standard_normal(n),
        )[kind]()
        for kind in kinds
    ]
    return np.column_stack(columns)


NULL_KINDS = {
    "covariance": gaussian,
    "normal": normal,
    "elliptical": elliptical,
    "copula": copula,
    "permuted": permuted,
}
"""Clouds by the null that draws their like, n points in d dimensions."""

OWN_NULL = {
    "covariance": "covariance",
    "normal": "covariance",
    "elliptical": "elliptical",
    "copula": "copula",
    "permuted": "copula",
}
"""The null that no claim should beat, by the kind of cloud."""

SIZES = ((200, 2), (200, 8), (200, 32), (1000, 2), (1000, 8), (1000, 32), (1000, 64), (3000, 5), (3000, 32), (3000, 64))
"""Points and dimensions."""


def groups(count: int, d: int, apart: float) -> Draw:
    """Unit Gaussians whose centroids are the corners of a regular simplex, all `apart` sd from each other."""

    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
        centroids = np.zeros((count, d))
        centroids[:, :count] = np.eye(count) * apart / np.sqrt(2)
        return rng.standard_normal((n, d)) + (centroids @ rotation)[rng.integers(count, size=n)]

    return draw


def curves(count: int, d: int, thickness: float) -> Draw:
    """Closed curves (random trigonometric polynomials of degree 3), thickened by `thickness` of the cloud's sd."""

    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        weights = rng.standard_normal((count, 6, d)) / np.repeat([1, 2, 3], 2)[None, :, None]
        centres = rng.standard_normal((count, d))
        which, angle = rng.integers(count, size=n), rng.uniform(0, 2 * np.pi, n)
        waves = np.stack([f(k * angle) for k in (1, 2, 3) for f in (np.cos, np.sin)], axis=1)
        points = centres[which] + np.einsum("nk,nkd->nd", waves, weights[which])
        return points + thickness * points.std() * rng.standard_normal((n, d))

    return draw


def sheet(d: int, noise: float) -> Draw:
    """A sheet rolled in 3 dimensions (Swiss roll), turned into d, with noise of so many of its sd on every axis."""

    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        angle = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
        flat = np.column_stack([angle * np.cos(angle), 21 * rng.uniform(size=n), angle * np.sin(angle)])
        flat = (flat - flat.mean(axis=0)) / flat.std()
        rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
        return np.pad(flat, ((0, 0), (0, d - 3))) @ rotation + noise * rng.standard_normal((n, d))

    return draw


def shell(d: int, thickness: float) -> Draw:
    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        points = rng.standard_normal((n, d))
        radius = 1 + thickness * rng.standard_normal(n)
        return points / np.linalg.norm(points, axis=1, keepdims=True) * radius[:, None]

    return draw


def student(degrees: int, d: int) -> Draw:
    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        return rng.standard_normal((n, d)) * np.sqrt(degrees / rng.chisquare(degrees, n))[:, None]

    return draw


def gammas(shape: float, d: int) -> Draw:
    def draw(rng: np.random.Generator, n: int = 10_000) -> np.ndarray:
        return rng.gamma(shape, size=(n, d))

    return draw


@dataclass(frozen=True)
class Planting:
    """Planted truth: what should come out of it, and whether the design demands that it is found."""

    words: str
    claim: str
    expected: bool
    draw: Draw
    demanded: bool = True


PLANTINGS: dict[str, Planting] = {
    "groups-5": Planting("5 groups in 64-d, centroids 4 sd apart", "clusters", True, groups(5, 64, 4.0)),
    "groups-40": Planting("40 groups in 64-d, centroids 5 sd apart", "clusters", True, groups(40, 64, 5.0)),
    "curves": Planting("200 closed curves in 64-d, thickness 0.1", "low_dimensional", True, curves(200, 64, 0.1)),
    "sheet": Planting("a 2-sheet rolled in 40-d, noise 0.02", "low_dimensional", True, sheet(40, 0.02)),
    "shell": Planting("a hollow shell in 5-d, thickness 5 %", "voids", True, shell(5, 0.05)),
    "t8": Planting("Student t8 tails in 64-d", "multivariate_normal", False, student(8, 64)),
    "gamma": Planting("gamma(3) axes in 64-d", "multivariate_normal", False, gammas(3, 64)),
    "groups-5-near": Planting("5 groups in 64-d, 3 sd apart", "clusters", True, groups(5, 64, 3.0), False),
    "curves-thick": Planting("200 closed curves, thickness 0.3", "low_dimensional", True, curves(200, 64, 0.3), False),
    "sheet-noisy": Planting("a 2-sheet in 40-d, noise 0.05", "low_dimensional", True, sheet(40, 0.05), False),
    "shell-thick": Planting("a shell in 5-d, thickness 15 %", "voids", True, shell(5, 0.15), False),
    "t20": Planting("Student t20 tails in 64-d", "multivariate_normal", False, student(20, 64), False),
    "gamma-10": Planting("gamma(10) axes in 64-d", "multivariate_normal", False, gammas(10, 64), False),
}
