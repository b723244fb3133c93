import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zscope.data import ImagePolicy, prepare
from zscope.errors import ExistsError, ParameterError, SourceError
from zscope.runs.store import ImageStore


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def photos(folder: Path, count: int = 20) -> str:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(np.full((5, 4, 3), index % 256, np.uint8)).save(folder / f"{index:03d}.png")
    return f"folder:{folder}"


@pytest.mark.parametrize("held_out", [-0.1, 1, 1.0, 2, float("nan"), True, "0.1", None])
def test_held_out_bounds(tmp_path: Path, held_out: object) -> None:
    with pytest.raises(ParameterError, match=r"^held_out must be a share of at least 0 and less than 1"):
        prepare("digits", tmp_path, held_out=held_out)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_bounds(tmp_path: Path, workers: object) -> None:
    with pytest.raises(ParameterError, match=r"^workers must be an integer of at least 1"):
        prepare("digits", tmp_path, workers=workers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "held_out", "expected"),
    [(20, 0, 0), (20, 0.1, 2), (20, 0.99, 19), (4, 0.01, 1), (2, 0.9, 1), (1, 0.5, 0)],
)
def test_share(tmp_path: Path, count: int, held_out: float, expected: int) -> None:
    store = prepare(photos(tmp_path / "p", count), tmp_path / "store", held_out=held_out)
    assert len(store.indices("held-out")) == expected
    assert len(store.indices("train")) == count - expected


def test_share_is_random_fixed_and_independent_of_selections(tmp_path: Path) -> None:
    store = prepare("digits", tmp_path / "store")
    held_out = store.indices("held-out")
    assert len(held_out) == 180
    np.testing.assert_array_equal(held_out, prepare("digits", tmp_path / "again").indices("held-out"))
    # mean of 180 of 1,797 without replacement, sd 36.7; and of 180 selected images about 18 are held out, sd 3.8
    assert abs(held_out.mean() - 898) < 5 * 36.7
    assert abs(len(np.intersect1d(held_out, store.selection(180))) - 18) < 5 * 3.8


def test_digits_are_those_of_scikit_learn(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    store = prepare("digits", tmp_path)
    digits = load_digits()
    np.testing.assert_array_equal(store.images[..., 0], np.round(digits.images * 255 / 16 + 1e-9))
    assert store.labels["digit"].to_pylist() == digits.target.tolist()
    assert store.path == tmp_path / "digits"


def test_stores_of_different_things_have_different_folders(tmp_path: Path) -> None:
    one, two = photos(tmp_path / "one" / "p"), photos(tmp_path / "two" / "p")
    root = tmp_path / "store"
    stores = [
        prepare(one, root),
        prepare(two, root),
        prepare(one, root, held_out=0.2),
        prepare(one, root, policy=ImagePolicy(4)),
        prepare(one, root, policy=ImagePolicy(4, grey=True)),
        prepare("digits", root),
        prepare("digits", root, held_out=0.2),
        prepare("digits", root, policy=ImagePolicy(4)),
    ]
    assert len({store.path for store in stores}) == len(stores) == len(listed(root))
    assert all(store.name.startswith(("p-", "digits")) for store in stores)
    assert prepare(one, root, policy=ImagePolicy((4, 4), "centre")).path == stores[3].path
    assert stores[0].hash == stores[1].hash  # the same images
    assert stores[0].hash != stores[2].hash  # another split


def test_a_source_that_changed_is_prepared_anew(tmp_path: Path) -> None:
    spec = photos(tmp_path / "p")
    before = prepare(spec, tmp_path / "store")
    (tmp_path / "p" / "000.png").unlink()
    after = prepare(spec, tmp_path / "store")
    assert after.path == before.path
    assert len(after) == 19
    assert len(before) == 20  # what is mapped stays what it was
    assert int(before.images[-1, 0, 0, 0]) == 19


def test_a_damaged_store_is_prepared_anew_and_told(tmp_path: Path) -> None:
    spec = photos(tmp_path / "p")
    store = prepare(spec, tmp_path / "store")
    images = store.path / "images.npy"
    images.write_bytes(images.read_bytes()[:-1])
    said: list[str] = []
    assert prepare(spec, tmp_path / "store", log=said.append).hash == store.hash
    assert said[0].startswith("not reused: ")


def test_out(tmp_path: Path) -> None:
    spec, out = photos(tmp_path / "p"), tmp_path / "mine"
    store = prepare(spec, tmp_path / "store", out=out)
    assert store.path == out
    assert not (tmp_path / "store").exists()
    assert prepare(spec, out=out).hash == store.hash
    with pytest.raises(ExistsError, match="mine exists; give --force"):
        prepare(spec, out=out, policy=ImagePolicy(4))
    assert ImageStore.open(out).shape == (5, 4, 3)
    assert prepare(spec, out=out, policy=ImagePolicy(4), force=True).shape == (4, 4, 3)


def test_force_spares_what_is_no_store(tmp_path: Path) -> None:
    spec = photos(tmp_path / "p")
    with pytest.raises(ExistsError, match=r"holds no manifest\.json"):
        prepare(spec, out=tmp_path / "p", force=True)
    (tmp_path / "p" / "manifest.json").write_text('{"name": "of another program"}')
    with pytest.raises(ExistsError, match=r"holds no manifest\.json of zscope-images"):
        prepare(spec, out=tmp_path / "p", force=True)
    assert len(listed(tmp_path / "p")) == 21


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_leaves_nothing(tmp_path: Path, workers: int) -> None:
    spec = photos(tmp_path / "p", 200)

    def interrupt(what: str, done: int, total: int, **figures: float | str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(spec, tmp_path / "deep" / "store", workers=workers, progress=interrupt)
    assert listed(tmp_path) == ["p"]


def test_one_thread_and_many_agree(tmp_path: Path) -> None:
    spec = photos(tmp_path / "p", 203)
    one = prepare(spec, tmp_path / "one", workers=1)
    many = prepare(spec, tmp_path / "many", workers=5)
    assert one.hash == many.hash
    np.testing.assert_array_equal(one.images[:, 0, 0, 0], np.arange(203))


def test_a_store_made_meanwhile_by_another_process_is_used(tmp_path: Path) -> None:
    spec = photos(tmp_path / "p", 64)
    inner: list[ImageStore] = []

    def race(what: str, done: int, total: int, **figures: float | str) -> None:
        if not inner:
            inner.append(prepare(spec, tmp_path / "store"))

    store = prepare(spec, tmp_path / "store", progress=race)
    assert store.hash == inner[0].hash
    assert len(listed(tmp_path / "store")) == 1


def test_a_defect_is_no_unreadable_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = photos(tmp_path / "p")

    def broken(*args: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("zscope.data.files.read_image", broken)
    with pytest.raises(RuntimeError, match="a defect"):
        prepare(spec, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_source_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        prepare(f"folder:{tmp_path / 'none'}", tmp_path / "store")
    assert "\n" not in str(caught.value)


@pytest.mark.data
def test_the_real_photographs(tmp_path: Path) -> None:
    root = os.environ.get("ZSCOPE_DATA")
    if root is None or not (Path(root) / "lfw96" / "images").is_dir():
        pytest.skip("ZSCOPE_DATA does not name a folder with lfw96/images/")
    store = prepare(f"folder:{root}/lfw96/images", tmp_path)
    assert store.images.shape == (13_233, 96, 96, 3)
    assert store.label_columns == ["person", "expression"]
    assert len(set(store.labels["person"].to_pylist())) == 5_749
    assert store.labels["expression"].to_pylist().count("happiness") == 5_306
    assert store.unreadable == []
