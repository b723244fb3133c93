"""The scans of handwritten digits that come with scikit-learn: no file needed."""

from typing import Final, Self

import numpy as np
import pyarrow as pa

from zscope.data.base import ArraySource, items_table
from zscope.data.policy import to_eight_bits
from zscope.errors import ParameterError

_WHITE: Final = 16


class Digits(ArraySource):
    """1,797 scans of handwritten digits, 8 × 8 grey, with the label ``digit``.

    They are the test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998); their
    17 grey levels 0 … 16 are spread over 0 … 255.
    """

    scheme = "digits"
    example = "digits"
    what = "1,797 scans of handwritten digits, 8×8 grey, embedded in scikit-learn"
    default_preset = "digits"

    @classmethod
    def open(cls, argument: str) -> Self:
        """Open the source; `argument` must be empty."""
        if argument:
            raise ParameterError("source", "be written digits, without an argument", f"digits:{argument}")
        return cls("digits", None)

    def fingerprint(self) -> str:
        """Return a constant: the data set does not change."""
        return "scikit-learn-digits-1797"

    def items(self) -> pa.Table:
        """Return a row for each scan, without an official split."""
        from sklearn.datasets import load_digits  # takes a second, which no command that reuses a store should wait

        digits = load_digits()
        self._pixels = to_eight_bits(digits.images / _WHITE)
        ids = [f"{index:04d}" for index in range(len(self._pixels))]
        return items_table(ids, None, {"digit": pa.array(np.asarray(digits.target, dtype=np.int64))})
