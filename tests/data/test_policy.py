import numpy as np
import pytest
from PIL import Image

from zscope.data.policy import MAX_SIZE, ImagePolicy, to_eight_bits
from zscope.errors import ParameterError, SourceError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "crop", "grey", "name"),
    [
        (0, None, False, "size"),
        (-3, None, False, "size"),
        (MAX_SIZE + 1, None, False, "size"),
        (True, None, False, "size"),
        (8.0, None, False, "size"),
        ((8, 8, 8), None, False, "size"),
        ((8, 0), None, False, "size"),
        (None, "center", False, "crop"),
        (None, "box:1,2,3", False, "crop"),
        (None, "box:3,0,3,5", False, "crop"),
        (None, "box:-1,0,3,5", False, "crop"),
        (None, None, 1, "grey"),
    ],
)
def test_bounds(size: object, crop: object, grey: object, name: str) -> None:
    with pytest.raises(ParameterError, match=f"^{name} must be"):
        ImagePolicy(size, crop, grey)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "x", "8x", "0", "-1", "8.5", "8x8x8", "9" * 30])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ParameterError, match=r"^size must be"):
        ImagePolicy.parse(text)


def test_parse_and_one_form() -> None:
    assert ImagePolicy.parse("96") == ImagePolicy(96)
    assert ImagePolicy.parse("218x178", "none", True) == ImagePolicy((218, 178), "none", True)
    assert ImagePolicy.parse() == ImagePolicy()
    assert ImagePolicy(96).to_json() == ImagePolicy((96, 96), "centre").to_json()
    assert ImagePolicy().to_json() == {"size": None, "crop": "none", "grey": False}


def test_nothing_asked_nothing_changed() -> None:
    np.testing.assert_array_equal(ImagePolicy().apply(Image.fromarray(COLOUR)), COLOUR)
    np.testing.assert_array_equal(ImagePolicy((20, 30)).apply(Image.fromarray(COLOUR)), COLOUR)


@pytest.mark.parametrize(
    ("policy", "region"),
    [
        (ImagePolicy(crop="centre"), np.s_[:, 5:25]),
        (ImagePolicy(20), np.s_[:, 5:25]),
        (ImagePolicy(crop="box:3,2,13,19"), np.s_[2:19, 3:13]),
        (ImagePolicy((17, 10), crop="box:3,2,13,19"), np.s_[2:19, 3:13]),
        (ImagePolicy((10, 30)), np.s_[5:15, :]),
    ],
)
def test_crops_are_slices(policy: ImagePolicy, region: tuple[slice, slice]) -> None:
    np.testing.assert_array_equal(policy.apply(Image.fromarray(COLOUR)), COLOUR[region])


def test_reducing_averages() -> None:
    # a slow wave is kept, and what lies above the new sampling rate vanishes instead of turning into false waves
    x = np.arange(960)
    slow = 128 + 60 * np.sin(2 * np.pi * x / 480)
    fast = 60 * np.sin(2 * np.pi * x / 11)
    wide = np.tile(np.round(slow + fast), (960, 1)).astype(np.uint8)
    small = ImagePolicy(96).apply(Image.fromarray(wide))[:, :, 0].astype(float)
    expected = slow.reshape(96, 10).mean(axis=1)
    assert small.shape == (96, 96)
    np.testing.assert_allclose(small[:, 4:-4], np.tile(expected, (96, 1))[:, 4:-4], atol=6)


def test_crop_none_squeezes() -> None:
    halves = np.zeros((40, 80), np.uint8)
    halves[:, 40:] = 200
    small = ImagePolicy(20, "none").apply(Image.fromarray(halves))[:, :, 0]
    assert small[:, :8].max() <= 1
    np.testing.assert_allclose(small[:, 12:], 200, atol=1)


def test_grey_is_luma() -> None:
    grey = ImagePolicy(grey=True).apply(Image.fromarray(COLOUR))
    assert grey.shape == (20, 30, 1)
    np.testing.assert_allclose(grey[:, :, 0], COLOUR @ np.array([0.299, 0.587, 0.114]), atol=1)


def test_sixteen_bits_are_rounded() -> None:
    levels = np.array([[0, 128, 129, 257, 32_767, 65_406, 65_407, 65_535]], np.uint16)
    eight = ImagePolicy().apply(Image.fromarray(levels))
    np.testing.assert_array_equal(eight[:, :, 0], np.round(levels / 257))


def test_transparent_parts_show_white() -> None:
    alpha = RNG.integers(0, 256, (20, 30, 1), dtype=np.uint8)
    expected = COLOUR * (alpha / 255) + 255 * (1 - alpha / 255)
    flat = ImagePolicy().apply(Image.fromarray(np.concatenate([COLOUR, alpha], axis=2)))
    np.testing.assert_allclose(flat, expected, atol=1)
    grey = ImagePolicy().apply(Image.fromarray(np.concatenate([COLOUR[:, :, :1], alpha], axis=2)))
    assert grey.shape == (20, 30, 1)
    np.testing.assert_allclose(grey[:, :, 0], expected[:, :, 0], atol=1)


def test_palettes_become_colour() -> None:
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    colours = RNG.integers(0, 256, (6, 3), dtype=np.uint8)
    image = image.convert("P")
    image.putpalette(colours.tobytes())
    np.testing.assert_array_equal(ImagePolicy().apply(image), colours.reshape(2, 3, 3))


def test_one_bit_becomes_grey() -> None:
    bits = RNG.integers(0, 2, (9, 7)).astype(bool)
    np.testing.assert_array_equal(ImagePolicy().apply(Image.fromarray(bits))[:, :, 0], bits * 255)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).swapaxes(0, 1)),
        (8, np.rot90),
    ],
)
def test_exif_orientation(orientation: int, upright: object) -> None:
    image = Image.fromarray(COLOUR)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(ImagePolicy().apply(image), upright(COLOUR))  # type: ignore[operator]


def test_box_beyond_the_image() -> None:
    with pytest.raises(SourceError, match="30 wide and 20 high"):
        ImagePolicy(crop="box:0,0,31,20").apply(Image.fromarray(COLOUR))


@pytest.mark.parametrize("shape", [(20, 20, 3), (20, 30, 3), (20, 20, 1), (20, 30, 1)])
@pytest.mark.parametrize("size", [None, 20, (20, 30), (30, 20)])
@pytest.mark.parametrize("crop", [None, "none", "centre", "box:0,0,20,20"])
@pytest.mark.parametrize("grey", [False, True])
def test_keeps_says_what_apply_does(
    shape: tuple[int, int, int], size: int | tuple[int, int] | None, crop: str | None, grey: bool
) -> None:
    policy = ImagePolicy(size, crop, grey)
    pixels = COLOUR[: shape[0], : shape[1], : shape[2]]
    if policy.keeps(shape):
        image = Image.fromarray(pixels[:, :, 0] if shape[2] == 1 else pixels)
        np.testing.assert_array_equal(policy.apply(image), pixels)


def test_eight_bits_in_every_precision() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        levels = (np.arange(256) / 255).astype(dtype)
        np.testing.assert_array_equal(to_eight_bits(levels), np.arange(256))
