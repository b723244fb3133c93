"""Repulsion between the points of a t-SNE map: all pairs at once, on a grid, by fast Fourier transforms."""

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

_SPACING = 0.5
_LEAST_SLOTS, _MOST_SLOTS = 48, 4096
_MARGIN = 8
_SPLINE = 4
_SLACK, _MOST_SLACK = 1.05, 1.25
_FILLED = 1e-9


class Repulsion:
    """Sums of the Student kernel over all pairs of places, as the gradient of t-SNE needs them.

    The places are spread over a square grid by cubic B-splines, the grid is convolved with the kernel (padded with
    zeros to twice its width, so that nothing wraps around), and the sums are gathered at the places by the same
    splines; both splines are divided out among the frequencies. This is the idea of FIt-SNE (Linderman et al. 2019)
    with the vector-valued kernel itself, which takes three transforms a step, and the normaliser by Parseval's theorem.
    With slots of 0.5 forces are off by 2 to 3 % (root mean square) where a map is as thin as finished ones are, and by
    less where it is denser; the interpolation of openTSNE 1.0 is off by 3 to 5 % there.

    An instance keeps the transformed kernels of its last grid, and is used for one map.

    Parameters
    ----------
    threads : int
        Threads of the transforms; the result does not depend on it.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._spacing = 0.0
        self._slots = 0

    def forces(self, places: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Sum the pushes on every place, and the kernel over all pairs.

        Parameters
        ----------
        places : ndarray of shape (n, 2)
            Finite.

        Returns
        -------
        forces : ndarray of shape (n, 2)
            Σ_j (y_i − y_j) / (1 + |y_i − y_j|²)².
        normaliser : float
            Σ_{i ≠ j} 1 / (1 + |y_i − y_j|²).
        """
        columns = places.T.copy()  # numpy is slow along the long side of a narrow table
        low = columns.min(axis=1)
        self._fit_grid(float(np.ptp(columns, axis=1).max()))
        cells, weights = self._spread(places, low)
        slots, width = self._slots, 2 * self._slots
        grid = np.bincount(cells.ravel(), weights.ravel(), minlength=slots * width).reshape(slots, width)
        # Rows and columns of the padding are zero before the transform and not looked at after it: they are skipped.
        rows = scipy.fft.rfft(grid.astype(np.float32), axis=1, workers=self._threads)
        waves = scipy.fft.fft(rows, n=width, axis=0, workers=self._threads)
        twice = np.full(slots + 1, 2.0)
        twice[[0, -1]] = 1.0  # all other columns stand for two frequencies, one of which the real transform leaves out
        power = ((waves.real**2 + waves.imag**2) * self._sums).sum(axis=0, dtype=np.float64)
        normaliser = float(power @ twice) / width**2 - len(places)
        waves *= 1j
        pushes = np.stack([self._gather(waves * kernel, cells, weights) for kernel in self._pushes], axis=1)
        return pushes, normaliser

    def _fit_grid(self, span: float) -> None:
        """Choose slots of 0.5, or that times a power of two where there would be too few or too many of them."""
        spacing = _SPACING
        while max(span, _FILLED) / spacing < _LEAST_SLOTS:
            spacing /= 2
        while span / spacing > _MOST_SLOTS:
            spacing *= 2
        # All small grids have as many slots as the largest of them, so that kernels stay while a map grows to twice its
        # width.
        needed = max(int(np.ceil(span / spacing)), 2 * _LEAST_SLOTS) + _MARGIN
        if spacing == self._spacing and needed <= self._slots <= _MOST_SLACK * needed:
            return
        self._spacing, self._slots = spacing, scipy.fft.next_fast_len(int(_SLACK * needed), real=True)
        self._transform_kernels()

    def _transform_kernels(self) -> None:
        width = 2 * self._slots
        steps = scipy.fft.fftfreq(width, 1 / width)
        steps[self._slots] = 0.0  # as far one way as the other; never reached by two places on the grid
        offsets = steps * self._spacing
        kernel = 1 / (1 + offsets[:, None] ** 2 + offsets[None, :] ** 2)
        spline = np.sinc(scipy.fft.fftfreq(width)) ** _SPLINE
        both = (1 / (spline[:, None] * spline[None, : self._slots + 1])) ** 2

        def waves(table: NDArray[np.float64]) -> NDArray[np.complex64]:
            return np.asarray(scipy.fft.rfft2(table, workers=self._threads) * both, dtype=np.complex64)

        # The kernel is even and its transform real; the pushes are odd and theirs imaginary.
        self._sums = waves(kernel).real.copy()
        self._pushes = tuple(waves(offset * kernel**2).imag.copy() for offset in (offsets[:, None], offsets[None, :]))

    def _spread(
        self, places: NDArray[np.float64], low: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Give the 16 cells around each place, as positions in the unrolled grid, and the place's share in each."""
        scaled = (places - low) / self._spacing + 1
        corner = np.floor(scaled).astype(np.int64)
        t = (scaled - corner).astype(np.float32)
        six_times = [(1 - t) ** 3, (3 * t - 6) * t * t + 4, ((3 - 3 * t) * t + 3) * t + 1, t**3]
        shares = np.stack(six_times, axis=1, dtype=np.float32) / np.float32(6)
        width = 2 * self._slots
        around = (np.arange(_SPLINE)[:, None] * width + np.arange(_SPLINE)[None, :]).ravel()
        first = (corner[:, 0] - 1) * width + corner[:, 1] - 1
        weights: NDArray[np.float32] = shares[:, :, None, 0] * shares[:, None, :, 1]
        cells: NDArray[np.int64] = first[:, None] + around
        return cells, weights.reshape(len(places), -1)

    def _gather(
        self, waves: NDArray[Any], cells: NDArray[np.int64], weights: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        width = 2 * self._slots
        rows = scipy.fft.ifft(waves, axis=0, workers=self._threads)[: self._slots]
        grid = scipy.fft.irfft(rows, n=width, axis=1, workers=self._threads)
        return np.asarray(np.einsum("ij,ij->i", weights, grid.ravel()[cells], dtype=np.float64))
