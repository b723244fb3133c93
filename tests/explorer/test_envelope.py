"""Arrays and JSON go into one envelope and come out as they were."""

import json

import numpy as np
import pytest

from zscope.explorer.envelope import TYPES, packed, unpacked


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(0,), (1,), (5,), (3, 7), (2, 3, 5, 1)])
def test_what_goes_in_comes_out(dtype, shape):
    array = (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)
    data, buffers = unpacked(packed({"says": "−1 → ½", "list": [1, None]}, {"a": array, "b": array[::-1]}))
    assert data == {"says": "−1 → ½", "list": [1, None]}
    for name, wanted in (("a", array), ("b", array[::-1])):
        assert buffers[name].dtype == dtype
        np.testing.assert_array_equal(buffers[name], wanted)


def test_arrays_begin_where_browsers_want_them():
    """Written out by hand: length, header, zeros up to a multiple of 8, and so on."""
    envelope = packed({}, {"x": np.array([1], np.uint8), "y": np.array([2.5])})
    length = int.from_bytes(envelope[:4], "little")
    header = json.loads(envelope[4 : 4 + length])
    assert header["buffers"] == [
        {"name": "x", "dtype": "uint8", "shape": [1]},
        {"name": "y", "dtype": "float64", "shape": [1]},
    ]
    start = -(-(4 + length) // 8) * 8
    assert envelope[start : start + 8] == b"\x01" + bytes(7)
    assert envelope[start + 8 :] == np.array([2.5], "<f8").tobytes()


def test_big_endian_arrays_travel_as_little_endian_ones():
    _, buffers = unpacked(packed({}, {"x": np.array([1.5, -2], ">f4")}))
    np.testing.assert_array_equal(buffers["x"], [1.5, -2])


def test_what_no_browser_knows_is_refused():
    with pytest.raises(TypeError, match=r"buffer x must be one of float32, .*, got int64"):
        packed({}, {"x": np.arange(3)})
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed({"value": float("nan")}, {})
