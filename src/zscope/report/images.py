"""Pictures inside the page: strips of images, and the rasters of SVG figures made small."""

import base64
import io

import numpy as np
from PIL import Image

from zscope.figures.samples import strip
from zscope.typing import ImageArray

LARGEST_LOSSLESS = 64
"""Images with more rows than this are embedded as WebP of `QUALITY`; smaller ones pixel by pixel."""

QUALITY = 88
_COLOURS = 96


def strip_uri(images: ImageArray) -> str:
    """Give images side by side as a data address.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        C is 1 or 3.

    Returns
    -------
    str
        ``data:image/png;base64,…``, or WebP where H is above `LARGEST_LOSSLESS`.
    """
    pixels = strip(images, max(1, images.shape[2] // 14))
    stream = io.BytesIO()
    if images.shape[1] > LARGEST_LOSSLESS:
        Image.fromarray(pixels).save(stream, "WEBP", quality=QUALITY, method=4)
        kind = "webp"
    else:
        picture = Image.fromarray(pixels)
        if images.shape[3] == 1:
            picture = picture.convert("LA")
        picture.save(stream, "PNG", optimize=True)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def small_png(content: bytes) -> bytes:
    """Store a picture with at most 96 colours, opacity included, where that is smaller.

    Parameters
    ----------
    content : bytes
        A PNG file.

    Returns
    -------
    bytes
        A PNG file of the same size in pixels.
    """
    with Image.open(io.BytesIO(content)) as picture:
        pixels = picture.convert("RGBA")
    if not np.asarray(pixels)[..., 3].any():
        return content
    stream = io.BytesIO()
    pixels.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        stream, "PNG", optimize=True
    )
    return min(content, stream.getvalue(), key=len)
