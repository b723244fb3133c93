"""How openTSNE is set up: neighbours, start and gradient of a map, and how far its end is from what was asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.measures.base import chosen_rows
from zscope.measures.neighbours import Neighbours, nearest_neighbours
from zscope.measures.pca import principal_axes
from zscope.measures.repulsion import Repulsion
from zscope.typing import Progress

LARGE_MAP = 1000
"""From so many points on the repulsion is computed on a grid: there the grid is faster than openTSNE's tree."""

_START, _JITTER = 1e-4, 1e-6
_PAIRS = 400_000_000
_BLOCK_CELLS = 250_000


class Gradient:
    """The gradient as openTSNE calls it: its own attraction, with repulsion on a grid.

    Parameters
    ----------
    threads : int
        Threads of the grid's transforms; the result does not depend on it.
    """

    def __init__(self, threads: int = 1) -> None:
        self._repulsion = Repulsion(threads)

    def __call__(
        self, embedding: Any, P: Any, dof: float, *, n_jobs: int = 1, should_eval_error: bool = False, **_: Any
    ) -> tuple[float, NDArray[np.float64]]:
        """Compute Σ_j p_ij (y_i − y_j) / (1 + |y_i − y_j|²) − F_i / Z, see `Repulsion.forces` for F and Z.

        Parameters
        ----------
        embedding : ndarray of shape (n, 2)
            Places y on the map.
        P : scipy.sparse.csr_matrix of shape (n, n)
            Affinities, times the exaggeration.
        dof : float
            Degrees of freedom of the kernel: 1.
        n_jobs : int
            Threads of the attraction.
        should_eval_error : bool
            Whether the divergence is wanted too.

        Returns
        -------
        error : float
            The divergence in nats, with the grid's Z; 0 where it is not wanted.
        gradient : ndarray of shape (n, 2)
            A quarter of the divergence's gradient, as openTSNE has it.
        """
        # openTSNE takes a gradient of one's own, but has no public name for its attraction alone.
        from openTSNE import _tsne

        places = np.asarray(embedding)
        gradient = np.zeros_like(places)
        pushes, normaliser = self._repulsion.forces(places)
        total, error = _tsne.estimate_positive_gradient_nn(
            P.indices,
            P.indptr,
            P.data,
            places,
            places,
            gradient,
            dof,
            num_threads=n_jobs,
            should_eval_error=should_eval_error,
        )
        gradient -= pushes / normaliser
        return (error + total * np.log(normaliser) if should_eval_error else 0.0), gradient


@dataclass(frozen=True, eq=False)
class Teller:
    """What openTSNE calls every so many steps; a true answer would stop it.

    Attributes
    ----------
    progress : Progress
        Told.
    before, total : int
        Steps done before this phase, and steps in all.
    """

    progress: Progress
    before: int
    total: int

    def __call__(self, iteration: int, error: float, places: Any) -> bool:  # noqa: ARG002 - openTSNE calls it so
        """Tell how many steps are done."""
        self.progress("t-SNE", self.before + iteration, self.total)
        return False


def graph_of(codes: NDArray[Any], k: int, neighbours: Neighbours | None) -> Any:
    """Give openTSNE exact neighbours.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        The codes.
    k : int
        Neighbours of each that are wanted.
    neighbours : Neighbours or None
        Those that are known already, k or more of every code; None: they are looked for.

    Returns
    -------
    openTSNE.nearest_neighbors.PrecomputedNeighbors
        With distances as multiples of their mean: t-SNE knows no scale, and openTSNE's search for each point's
        bandwidth starts at 1.

    Raises
    ------
    ParameterError
        If the neighbours are too few.
    """
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    if neighbours is None:
        neighbours = nearest_neighbours(np.ascontiguousarray(codes, dtype=np.float32), k)
    rows, given = neighbours.distances.shape
    if rows != len(codes) or given < k:
        raise ParameterError("neighbours", f"be {k} or more of all {len(codes)} codes", f"{given} of {rows}")
    distances = neighbours.distances[:, :k].astype(np.float64)
    indices = np.ascontiguousarray(neighbours.indices[:, :k])
    return PrecomputedNeighbors(indices, distances / (distances.mean() or 1.0))


def start_of(codes: NDArray[Any], seed: int) -> NDArray[np.float64]:
    """Place codes by their first two principal components, with a sd of 10⁻⁴ along the first, and jitter of 1 % of it.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        At least two dimensions.
    seed : int
        Of the jitter.

    Returns
    -------
    ndarray of shape (n, 2)
        Where a map starts.
    """
    first = principal_axes(codes).project(codes, 2).astype(np.float64)
    jitter = np.random.default_rng(seed).standard_normal(first.shape)
    return _START * first / (first[:, 0].std() or 1.0) + _JITTER * jitter


def map_divergence(affinities: Any, places: NDArray[Any], seed: int = 0) -> float:
    """Compute the divergence Σ p ln(p / q) of a map, q being the normalised Student kernel of its places.

    It is the same whatever made the map. The sum runs over all p above 0. The normaliser of q runs over all pairs up to
    20,000 points; beyond that over the pairs of 4·10⁸ / n points, chosen at random, with all points, which makes the
    divergence uncertain by about 0.01 nats.

    Parameters
    ----------
    affinities : scipy.sparse.csr_matrix of shape (n, n)
        p, with sum 1.
    places : ndarray of shape (n, 2)
        The map.
    seed : int
        Of the choice.

    Returns
    -------
    float
        In nats.
    """
    y = np.asarray(places - places.mean(axis=0, dtype=np.float64), dtype=np.float32)
    n = len(y)
    rows = chosen_rows(n, max(1, _PAIRS // n), np.random.default_rng(seed))
    step = max(1, _BLOCK_CELLS // n)
    total = 0.0
    for start in range(0, len(rows), step):
        own = y[rows[start : start + step]]
        kernel = (own[:, None, 0] - y[None, :, 0]) ** 2
        kernel += (own[:, None, 1] - y[None, :, 1]) ** 2
        kernel += 1
        np.reciprocal(kernel, out=kernel)
        total += float(kernel.sum(dtype=np.float64)) - len(own)
    table = affinities.tocoo()
    seen = table.data > 0
    p = table.data[seen]
    apart = (y[table.row[seen]] - y[table.col[seen]]).astype(np.float64)
    return float(p @ (np.log(p) + np.log1p(np.einsum("ij,ij->i", apart, apart))) + np.log(total * n / len(rows)))
