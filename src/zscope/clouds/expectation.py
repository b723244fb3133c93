"""Expectation maximisation for Gaussians with full covariances that are shrunk towards what they share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RIDGE = 1e-6
"""Added to every component's variances, relative to the points' mean variance: no component can shrink to a point."""

_AT_ONCE = 4_000_000
"""Numbers that a step over points and components holds at once."""

_NO_MEMBER = 1e-5
"""Responsibilities below this share are left out of sums: in many dimensions nearly all are."""

_NEVER = 1e-300


@dataclass(frozen=True, eq=False)
class Gaussians:
    """K weighted Gaussians.

    Attributes
    ----------
    weights : ndarray of shape (K,)
        Shares, sum 1.
    means : ndarray of shape (K, d)
        Means.
    covariances : ndarray of shape (K, d, d)
        Covariances, positive definite.
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Groups:
    """What points, shared among K groups, amount to: all that a step of maximisation needs.

    Attributes
    ----------
    counts : ndarray of shape (K,)
        Points of each group, in parts.
    means : ndarray of shape (K, d)
        Their means.
    scatters : ndarray of shape (K, d, d)
        Their Σ r (x − m)(x − m)ᵀ.
    """

    counts: NDArray[np.float64]
    means: NDArray[np.float64]
    scatters: NDArray[np.float64]


def log_joint(points: NDArray[np.floating[Any]], model: Gaussians) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Log of weight times density of every component at points, block by block.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Where, near the origin; the work is done in their type.
    model : Gaussians
        K of them.

    Yields
    ------
    rows : slice
        Which points, in order.
    values : ndarray of shape (rows, K)
        In nats.
    """
    count, d = model.means.shape
    roots = np.linalg.cholesky(model.covariances)
    # (x − m) L⁻ᵀ of all components is one product with their inverse roots, side by side.
    inverse = np.linalg.solve(roots, np.broadcast_to(np.eye(d), roots.shape)).transpose(2, 0, 1)
    offsets = np.einsum("kj,jki->ki", model.means, inverse).ravel().astype(points.dtype)
    stack = np.ascontiguousarray(inverse.reshape(d, count * d), dtype=points.dtype)
    log_dets = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    constants = np.log(np.maximum(model.weights, _NEVER)) - log_dets - 0.5 * d * np.log(2 * np.pi)
    step = max(_AT_ONCE // (count * d), 1)
    for start in range(0, len(points), step):
        rows = slice(start, min(start + step, len(points)))
        white = points[rows] @ stack
        white -= offsets
        white = white.reshape(-1, count, d)
        values = np.einsum("nkd,nkd->nk", white, white)
        values *= -0.5
        values += constants.astype(points.dtype)
        yield rows, values


def log_density(points: NDArray[np.floating[Any]], model: Gaussians) -> NDArray[np.floating[Any]]:
    """Log-density of a mixture at points.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Where.
    model : Gaussians
        The mixture.

    Returns
    -------
    ndarray of shape (n,)
        In nats.
    """
    found = np.empty(len(points), dtype=points.dtype)
    for rows, values in log_joint(points, model):
        largest = values.max(axis=1)
        found[rows] = largest + np.log(np.exp(values - largest[:, None]).sum(axis=1))
    return found


def responsibilities(points: NDArray[np.floating[Any]], model: Gaussians) -> tuple[NDArray[np.floating[Any]], float]:
    """Share every point among the components (the step of expectation).

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The points.
    model : Gaussians
        K of them.

    Returns
    -------
    shares : ndarray of shape (K, n)
        Sum 1 over the components.
    likelihood : float
        Mean log-density of the points, in nats.
    """
    shares = np.empty((len(model.weights), len(points)), dtype=points.dtype)
    total = 0.0
    for rows, values in log_joint(points, model):
        largest = values.max(axis=1)
        values -= largest[:, None]
        np.exp(values, out=values)
        sums = values.sum(axis=1)
        values /= sums[:, None]
        shares[:, rows] = values.T
        total += float(np.sum(largest, dtype=np.float64) + np.sum(np.log(sums), dtype=np.float64))
    return shares, total / len(points)


def grouped(points: NDArray[np.floating[Any]], shares: NDArray[np.floating[Any]]) -> Groups:
    """Sum points up by group.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The points, near the origin.
    shares : ndarray of shape (K, n)
        How much of a point belongs to a group; what is below 0.00001 is taken as nothing.

    Returns
    -------
    Groups
        In double precision.
    """
    count, d = len(shares), points.shape[1]
    counts, means, scatters = np.zeros(count), np.zeros((count, d)), np.zeros((count, d, d))
    for group, own in enumerate(shares):
        members = np.flatnonzero(own > _NO_MEMBER)
        if not len(members):
            continue
        weights, part = own[members], points[members]
        counts[group] = weights.sum(dtype=np.float64)
        means[group] = (weights @ part) / counts[group]
        part -= means[group].astype(part.dtype)
        scatters[group] = part.T @ (weights[:, None] * part)
    return Groups(counts, means, scatters)


def gaussians(groups: Groups, pseudo: float) -> Gaussians:
    """Make Gaussians of groups (the step of maximisation): Σ_k = (S_k + ν W) / (N_k + ν) with W = Σ_k S_k / N.

    The mode under an inverse Wishart prior that is worth ν points (less the few that its own mode takes), about the
    covariance W inside groups: small groups lean on what all share.

    Parameters
    ----------
    groups : Groups
        K of them.
    pseudo : float
        ν, above 0.

    Returns
    -------
    Gaussians
        Weights N_k / N.
    """
    total = groups.counts.sum()
    pooled = groups.scatters.sum(axis=0) / total
    covariances = (groups.scatters + pseudo * pooled) / (groups.counts + pseudo)[:, None, None]
    covariances = 0.5 * (covariances + covariances.transpose(0, 2, 1)) + RIDGE * np.eye(pooled.shape[0])
    return Gaussians(groups.counts / total, groups.means, covariances)


@dataclass(frozen=True, eq=False)
class Climb:
    """Where expectation maximisation came to.

    Attributes
    ----------
    model : Gaussians
        The mixture.
    groups : Groups
        The groups that it was made of.
    steps : int
        Steps taken.
    converged : bool
        Whether it came to rest before the last allowed step.
    """

    model: Gaussians
    groups: Groups
    steps: int
    converged: bool


def climb(points: NDArray[np.floating[Any]], start: Gaussians, pseudo: float, *, tolerance: float, most: int) -> Climb:
    """Repeat expectation and maximisation until the likelihood of the points no longer rises.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The points, near the origin and of mean variance 1.
    start : Gaussians
        Where to begin.
    pseudo : float
        ν of `gaussians`.
    tolerance : float
        Stop when a step gains less, in nats per point.
    most : int
        At most so many steps, at least 1.

    Returns
    -------
    Climb
        The last mixture.
    """
    model, before = start, -np.inf
    for step in range(1, most + 1):
        shares, likelihood = responsibilities(points, model)
        groups = grouped(points, shares)
        model = gaussians(groups, pseudo)
        if likelihood - before < tolerance:
            return Climb(model, groups, step, True)
        before = likelihood
    return Climb(model, groups, most, False)
