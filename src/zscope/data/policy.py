"""How images of any size, colour and orientation are brought to one shape."""

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from zscope.errors import ParameterError, SourceError
from zscope.typing import FloatArray, JsonDict

MAX_SIZE: Final = 16_384
_WHITE: Final = (255, 255, 255, 255)
_BOX: Final = re.compile(r"box:(\d+),(\d+),(\d+),(\d+)")


@dataclass(frozen=True)
class ImagePolicy:
    """How an image is cropped, resized and reduced to grey.

    The steps, in this order: turn as its EXIF orientation says; lay transparent parts on white; bring 16-bit grey and
    palettes to 8-bit grey or colour; reduce to grey where asked; crop; resize with the Lanczos filter, which averages
    when it reduces.

    Parameters
    ----------
    size : int, (int, int) or None
        Height and width in pixels, one number for a square; None leaves the size.
    crop : str or None
        ``"centre"``: the largest centred region that has the proportions of `size` (a square without `size`);
        ``"none"``: the whole image, squeezed where its proportions differ; ``"box:LEFT,TOP,RIGHT,BOTTOM"`` in pixels;
        None: ``"centre"`` where `size` is given, else ``"none"``.
    grey : bool
        Reduce colour to grey (ITU-R 601 luma).

    Raises
    ------
    ParameterError
        A value is out of its bounds.

    Examples
    --------
    >>> ImagePolicy(size=96).shape
    (96, 96)
    >>> ImagePolicy.parse(size="218x178", crop="none")
    ImagePolicy(size=(218, 178), crop='none', grey=False)
    """

    size: int | tuple[int, int] | None = None
    crop: str | None = None
    grey: bool = False

    def __post_init__(self) -> None:
        if self.size is not None:
            sides = self.size if isinstance(self.size, tuple) else (self.size,)
            whole = all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
            if len(sides) not in (1, 2) or not whole or not all(1 <= side <= MAX_SIZE for side in sides):
                must = f"be an integer from 1 to {MAX_SIZE}, or a height and a width (HxW)"
                raise ParameterError("size", must, self.size)
        if not isinstance(self.grey, bool):
            raise ParameterError("grey", "be true or false", self.grey)
        if self.crop is not None and self.crop not in ("centre", "none"):
            self._check_box(self.crop)

    @classmethod
    def parse(cls, size: str | None = None, crop: str | None = None, grey: bool = False) -> Self:
        """Make a policy of what a command line gives.

        Parameters
        ----------
        size : str or None
            ``"96"`` or ``"HEIGHTxWIDTH"``.
        crop : str or None
            As for the class.
        grey : bool
            As for the class.

        Raises
        ------
        ParameterError
            A value is out of its bounds.
        """
        if size is None:
            return cls(None, crop, grey)
        sides = re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", size.strip())
        if sides is None:
            raise ParameterError("size", "be a number of pixels or HEIGHTxWIDTH", size)
        height, width = sides.groups()
        return cls(int(height) if width is None else (int(height), int(width)), crop, grey)

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width of the images made, None where they keep their own."""
        if self.size is None or isinstance(self.size, tuple):
            return self.size
        return self.size, self.size

    @property
    def resolved_crop(self) -> str:
        """The crop that is done: ``crop``, or what None stands for."""
        if self.crop is not None:
            return self.crop
        return "none" if self.size is None else "centre"

    def to_json(self) -> JsonDict:
        """Return the policy in one form, however it was written."""
        return {
            "size": None if self.shape is None else list(self.shape),
            "crop": self.resolved_crop,
            "grey": self.grey,
        }

    def keeps(self, shape: tuple[int, int, int]) -> bool:
        """Tell whether an image of shape (H, W, C) comes out as it went in."""
        if self.grey and shape[2] != 1:
            return False
        size_kept = self.shape is None or self.shape == shape[:2]
        crop = self.resolved_crop
        if crop == "centre":
            return size_kept and (self.shape is not None or shape[0] == shape[1])
        return size_kept and crop == "none"

    def apply(self, image: Image.Image) -> NDArray[np.uint8]:
        """Bring an image to the shape.

        Parameters
        ----------
        image : PIL.Image.Image
            Of any mode.

        Returns
        -------
        ndarray of shape (H, W, C)
            uint8; C is 1 for grey images, else 3.

        Raises
        ------
        SourceError
            The crop box reaches beyond the image.
        """
        plain = to_grey_or_colour(image)
        if self.grey and plain.mode != "L":
            plain = plain.convert("L")
        box = self._region(plain.width, plain.height)
        if self.shape is not None:
            height, width = self.shape
            # a gap of 3 first averages whole pixels of large photographs: faster, and no difference to be seen
            plain = plain.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
        elif box != (0, 0, *plain.size):
            plain = plain.crop(box)
        pixels = np.array(plain, dtype=np.uint8)
        return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels

    def _region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of what is kept."""
        crop = self.resolved_crop
        if crop == "none":
            return 0, 0, width, height
        if crop == "centre":
            target = self.shape or (1, 1)
            scale = min(width / target[1], height / target[0])
            kept_width = max(1, min(width, round(target[1] * scale)))
            kept_height = max(1, min(height, round(target[0] * scale)))
            left, top = (width - kept_width) // 2, (height - kept_height) // 2
            return left, top, left + kept_width, top + kept_height
        left, top, right, bottom = self._check_box(crop)
        if right > width or bottom > height:
            raise SourceError(f"the crop {crop} reaches beyond the image, which is {width} wide and {height} high")
        return left, top, right, bottom

    @staticmethod
    def _check_box(crop: str) -> tuple[int, int, int, int]:
        must = "be centre, none or box:LEFT,TOP,RIGHT,BOTTOM with LEFT < RIGHT and TOP < BOTTOM"
        match = _BOX.fullmatch(crop.replace(" ", "")) if isinstance(crop, str) else None
        if match is None:
            raise ParameterError("crop", must, crop)
        left, top, right, bottom = (int(edge) for edge in match.groups())
        if left >= right or top >= bottom:
            raise ParameterError("crop", must, crop)
        return left, top, right, bottom


def to_grey_or_colour(image: Image.Image) -> Image.Image:
    """Return an image upright, opaque and of mode ``L`` (8-bit grey) or ``RGB``.

    Transparent parts show white. 16-bit grey is divided by 257, so that 65,535 becomes 255.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode; it may be changed.

    Returns
    -------
    PIL.Image.Image
        Mode ``L`` for grey images (with or without transparency), else ``RGB``; a palette counts as colour.
    """
    ImageOps.exif_transpose(image, in_place=True)
    mode = image.mode
    if mode.startswith("I"):
        return Image.fromarray(_sixteen_to_eight(np.asarray(image)))
    if mode == "1":
        return image.convert("L")
    if mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        opaque = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba)
        return opaque.convert("L" if mode[0] == "L" else "RGB")
    return image if mode in ("L", "RGB") else image.convert("RGB")


def _sixteen_to_eight(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    wide: NDArray[np.int64] = np.clip(pixels.astype(np.int64), 0, 65_535)
    return ((wide + 128) // 257).astype(np.uint8)


def to_eight_bits(pixels: FloatArray) -> NDArray[np.uint8]:
    """Return floats of 0 … 1 as the nearest of 0 … 255.

    Examples
    --------
    >>> to_eight_bits(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 128, 255]
    """
    levels = np.asarray(pixels, dtype=np.float64) * 255.0  # float16 has too few digits for it
    return np.floor(levels + 0.5).astype(np.uint8)
