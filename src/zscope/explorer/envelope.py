"""One binary envelope for an answer: a JSON header, then the arrays, so that columns travel as they lie in memory.

::

    0            4               4 + header       next multiple of 8
    ├ uint32 ────┼ header (JSON) ┼ zeros ─────────┼ array ┼ zeros ┼ array …

The header is ``{"data": …, "buffers": [{"name", "dtype", "shape"}, …]}``; its length is little-endian, and so are all
numbers. Every array begins at a multiple of 8 bytes, so that a browser looks at it without a copy.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.typing import JsonDict

TYPES = ("float32", "float64", "int32", "uint32", "uint8")
"""Types of arrays that travel."""

_STEP = 8


def packed(data: JsonDict, buffers: Mapping[str, NDArray[Any]]) -> bytes:
    """Put an answer into one envelope.

    Parameters
    ----------
    data : dict
        Anything that JSON holds; no NaN.
    buffers : mapping of str to ndarray
        Arrays of the types in `TYPES`.

    Returns
    -------
    bytes
        The envelope.

    Raises
    ------
    TypeError
        An array is of another type: a defect of the caller.
    """
    arrays = {name: _little(name, array) for name, array in buffers.items()}
    about = [{"name": name, "dtype": array.dtype.name, "shape": list(array.shape)} for name, array in arrays.items()]
    header = json.dumps({"data": data, "buffers": about}, ensure_ascii=False, allow_nan=False).encode()
    parts = [len(header).to_bytes(4, "little"), header, _zeros(4 + len(header))]
    for array in arrays.values():
        parts += [array.tobytes(), _zeros(array.nbytes)]
    return b"".join(parts)


def unpacked(envelope: bytes) -> tuple[JsonDict, dict[str, NDArray[Any]]]:
    """Take an envelope apart.

    Parameters
    ----------
    envelope : bytes
        From `packed`.

    Returns
    -------
    data : dict
        The header's data.
    buffers : dict of str to ndarray
        Views into the envelope.
    """
    length = int.from_bytes(envelope[:4], "little")
    header = json.loads(envelope[4 : 4 + length])
    place = 4 + length + len(_zeros(4 + length))
    buffers: dict[str, NDArray[Any]] = {}
    for entry in header["buffers"]:
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array = np.frombuffer(envelope, entry["dtype"], count, place).reshape(entry["shape"])
        buffers[entry["name"]] = array
        place += array.nbytes + len(_zeros(array.nbytes))
    return header["data"], buffers


def _little(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.name not in TYPES:
        raise TypeError(f"buffer {name} must be one of {', '.join(TYPES)}, got {array.dtype}")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _zeros(length: int) -> bytes:
    return bytes(-length % _STEP)
