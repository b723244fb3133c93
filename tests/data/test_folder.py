from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zscope.data import ImagePolicy, open_source, prepare
from zscope.data.files import find_images, read_image
from zscope.errors import SourceError
from zscope.runs.formats import write_json


def put(path: Path, level: int = 0, size: tuple[int, int] = (5, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), level, np.uint8)).save(
        path, format="JPEG" if "j" in path.suffix.lower() else "PNG"
    )


def labels_of(folder: Path) -> dict[str, list[object]]:
    items = open_source(f"folder:{folder}").items()
    return {name: items[name].to_pylist() for name in items.column_names if name != "split"}


def test_which_files_are_images(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.JPEG", "c.Png", "z/y/x.png", "z/a.jpg", ".hidden.png", ".thumbs/t.jpg"):
        put(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "d.jpg.bak").write_text("no image")
    write_json(tmp_path / "run.json", "other", 1, {})
    assert find_images(tmp_path) == ["a.JPEG", "b.jpg", "c.Png", "z/a.jpg", "z/y/x.png"]


def test_what_zscope_wrote_is_no_source(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "runs" / "one" / "samples" / "s.png")
    write_json(tmp_path / "runs" / "one" / "run.json", "zscope-run", 1, {})
    assert find_images(tmp_path) == ["a.png"]


def test_links(tmp_path: Path) -> None:
    put(tmp_path / "in" / "real" / "a.png")
    put(tmp_path / "outside" / "b.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "another").symlink_to(tmp_path / "in" / "real")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "c.png").symlink_to(tmp_path / "outside" / "b.png")
    assert find_images(tmp_path / "in") == ["c.png", "linked/b.png", "real/a.png"]


def test_sub_folders_are_labels_from_two_on(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "1.png")
    put(tmp_path / "0.png")
    assert labels_of(tmp_path) == {"id": ["0.png", "cats/1.png"]}
    put(tmp_path / "dogs" / "big" / "1.png")
    assert labels_of(tmp_path) == {
        "id": ["0.png", "cats/1.png", "dogs/big/1.png"],
        "folder": [None, "cats", "dogs/big"],
    }


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["image", "file", "filename", "path", "image_id", "id", "name"])
def test_label_files(tmp_path: Path, beside: bool, kind: str, column: str) -> None:
    folder = tmp_path / "photos"
    for name in ("0001.png", "0002.png", "sub/0003.png", "0004.png"):
        put(folder / name)
    # by bare name, by path, without a row for 0004, and one row for an image that is not there
    files = ["0003.png", "./0001.png", "0002.png", "0009.png"]
    columns = {column: files, "n": [3, 1, None, 9], "x": [0.5, None, 2.0, 9.0], "ok": [True, False, None, True]}
    columns["who"] = ["Zoë", None, "A, B", "nobody"]
    columns["day"] = ["2020-01-03", "2020-01-01", "2020-01-02", None]
    at = tmp_path if beside else folder
    if kind == "parquet":
        pq.write_table(pa.table(columns), at / "labels.parquet")
    else:
        text = f"{column},n,x,ok,who,day\n0003.png,3,0.5,true,Zoë,2020-01-03\n./0001.png,1,,false,,2020-01-01\n"
        (at / "labels.csv").write_text(
            "\ufeff" + text + '0002.png,,2.0,,"A, B",2020-01-02\n0009.png,9,9.0,true,nobody,\n', encoding="utf-8"
        )
    source = open_source(f"folder:{folder}")
    items = source.items()
    assert items.select(["id", "n", "x", "ok", "who", "day"]).to_pydict() == {
        "id": ["0001.png", "0002.png", "0004.png", "sub/0003.png"],
        "n": [1, None, None, 3],
        "x": [None, 2.0, None, 0.5],
        "ok": [False, None, None, True],
        "who": [None, "A, B", None, "Zoë"],
        "day": ["2020-01-01", "2020-01-02", None, "2020-01-03"],
    }
    assert items.column_names == ["id", "split", "n", "x", "ok", "who", "day"]
    assert source.notes == [f"labels.{kind}: labels of 3 of 4 images; 1 rows name none of them"]


def test_names_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    for name in ("001.png", "1.png"):
        put(tmp_path / name)
    (tmp_path / "labels.csv").write_text("image,name\n1.png,007\n001.png,7\n")
    assert labels_of(tmp_path) == {"id": ["001.png", "1.png"], "name": ["7", "007"]}


@pytest.mark.parametrize("name", ["split", "radius", "kl", "pc12", "axis0", "tsne.standard.x"])
def test_a_label_may_not_bear_a_name_of_zscope_s_own(tmp_path: Path, name: str) -> None:
    put(tmp_path / "1.png")
    (tmp_path / "labels.csv").write_text(f"image,pc,radius2,Axis,{name}\n1.png,1,2,3,4\n")
    with pytest.raises(SourceError, match=rf"labels\.csv must not have a label column '{name}'.*: rename it"):
        labels_of(tmp_path)


def test_a_file_beside_may_name_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "photos" / "a" / "1.png")
    put(tmp_path / "photos" / "b" / "1.png")
    (tmp_path / "labels.csv").write_text("path,n\nphotos/a/1.png,1\nphotos/b/1.png,2\n")
    assert labels_of(tmp_path / "photos")["n"] == [1, 2]


def test_the_nearer_file_counts_and_a_column_called_folder_wins(tmp_path: Path) -> None:
    put(tmp_path / "photos" / "a" / "1.png")
    put(tmp_path / "photos" / "b" / "2.png")
    (tmp_path / "labels.csv").write_text("path,n\n1.png,1\n")
    (tmp_path / "photos" / "labels.csv").write_text("path,folder\n1.png,mine\n2.png,yours\n")
    assert labels_of(tmp_path / "photos") == {"id": ["a/1.png", "b/2.png"], "folder": ["mine", "yours"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read: the file is empty"),
        ("picture,n\n1.png,1\n", r"must have a column image, file, .* or name .*got picture, n"),
        ("image;n\n1.png;1\n", "got image;n"),
        (
            "image,n\na/1.png,1\n1.png,2\n",
            "must name images by their path .* got '1.png', which is a/1.png and b/1.png",
        ),
        ("image,n\na/1.png,1\na/1.png,2\n", r"got two for a/1\.png"),
        ("image,n\nc.png,1\n", r"got none, such as 'c\.png'; an image is 'a/1\.png'"),
        ("image,n\n", "got none, such as 'no row at all'"),
        ("image,split\na/1.png,x\n", "must not have a label column 'split'"),
        ("image,n,n\na/1.png,1,2\n", "must name every column once, got n"),
        ("image,n\na/1.png\n", "cannot be read: .*Expected 2 columns, got 1"),
        (b"image,n\na/1.png,\xff\n", "cannot be read"),
    ],
)
def test_label_files_at_odds(tmp_path: Path, text: str | bytes, says: str) -> None:
    put(tmp_path / "a" / "1.png")
    put(tmp_path / "b" / "1.png")
    (tmp_path / "labels.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SourceError, match=says) as caught:
        open_source(f"folder:{tmp_path}").items()
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_at_odds(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    (tmp_path / "labels.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError, match=r"labels\.parquet cannot be read"):
        open_source(f"folder:{tmp_path}").items()
    pq.write_table(pa.table({"image": ["a.png"], "box": [[1, 2]]}), tmp_path / "labels.parquet")
    with pytest.raises(SourceError, match="numbers, truth values or text in column 'box', got list"):
        open_source(f"folder:{tmp_path}").items()
    (tmp_path / "labels.csv").write_text("image\n")
    with pytest.raises(SourceError, match=r"labels\.csv or labels\.parquet, got both"):
        open_source(f"folder:{tmp_path}").items()


def test_parquet_without_pandas_index(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    table = pa.table({"image": ["a.png"], "kind": pa.array(["x"]).dictionary_encode(), "__index_level_0__": [5]})
    pq.write_table(table, tmp_path / "labels.parquet")
    assert labels_of(tmp_path) == {"id": ["a.png"], "kind": ["x"]}


def test_broken_files_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for index in range(12):
        put(folder / f"{index:02d}.jpg", 20 * index)
    whole = (folder / "03.jpg").read_bytes()
    (folder / "03.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "05.jpg").write_text("no image")
    (folder / "07.jpg").write_bytes(b"")
    (folder / "gone.png").symlink_to(tmp_path / "nothing.png")
    Image.fromarray(np.zeros((5, 4, 3), np.uint8)).save(folder / "webp.jpg", format="WEBP")
    for workers in (1, 3):
        said: list[str] = []
        ticks: list[tuple[int, int]] = []
        store = prepare(
            f"folder:{folder}",
            tmp_path / "store",
            workers=workers,
            force=True,
            progress=lambda what, done, total, **figures: ticks.append((done, total)),  # noqa: B023
            log=said.append,
        )
        good = [index for index in range(12) if index not in (3, 5, 7)]
        assert store.ids == [f"{index:02d}.jpg" for index in good]
        np.testing.assert_allclose(store.images.mean(axis=(1, 2, 3)), [20 * index for index in good], atol=1)
        bad = ["03.jpg", "05.jpg", "07.jpg", "gone.png", "webp.jpg"]
        assert [name for name, _ in store.unreadable] == bad
        assert said[0] == "5 of 14 images could not be read and are left out:"
        assert all(name in line for name, line in zip(bad, said[1:], strict=True))
        assert ticks[-1] == (14, 14)
    assert "truncated" in store.unreadable[0][1].lower()
    assert "neither a JPEG nor a PNG" in store.unreadable[1][1]
    assert "No such file" in store.unreadable[3][1]
    prepare(f"folder:{folder}", tmp_path / "store", log=said.append)
    assert said[-1] == f"{store.path} is up to date; 5 unreadable images are left out"


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(SourceError, match=r"at least one readable image, got none of 1; the first: .*a\.png: neither"):
        prepare(f"folder:{tmp_path}", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_no_image(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"must hold \.jpg, \.jpeg or \.png files, got none"):
        open_source(f"folder:{tmp_path}").items()
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="must name a folder, got a file"):
        open_source(f"folder:{tmp_path / 'file'}")


def test_mixed_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    put(folder / "a.png", 10, (5, 4))
    put(folder / "b.png", 20, (9, 3))
    says = r"one size: a\.png is 5 × 4 but b\.png is 9 × 3 \(height × width\); give --size"
    with pytest.raises(SourceError, match=says):
        prepare(f"folder:{folder}", tmp_path / "store", workers=2)
    assert not (tmp_path / "store").exists()
    store = prepare(f"folder:{folder}", tmp_path / "store", policy=ImagePolicy(3))
    np.testing.assert_array_equal(store.images, np.repeat([10, 20], 27).reshape(2, 3, 3, 3))


@pytest.mark.parametrize("grey", [False, True])
def test_mixed_colours(tmp_path: Path, grey: bool) -> None:
    folder = tmp_path / "photos"
    put(folder / "b.png", 20)
    for name in ("a.png", "c.png"):
        Image.fromarray(np.full((5, 4), 30, np.uint8)).save(folder / name)
    said: list[str] = []
    store = prepare(f"folder:{folder}", tmp_path / "store", policy=ImagePolicy(grey=grey), log=said.append)
    assert store.shape == (5, 4, 1 if grey else 3)
    assert store.images[:, 0, 0, 0].tolist() == [30, 20, 30]
    assert any("became colour" in line for line in said) is not grey


def test_a_box_too_large_for_one_image_names_it(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    with pytest.raises(SourceError, match=r"a\.png: the crop box:0,0,9,9 reaches beyond the image"):
        read_image(tmp_path / "a.png", ImagePolicy(crop="box:0,0,9,9"))


def test_file_names_that_are_no_text(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    put(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "a.png").rename(tmp_path / "photos" / name)
    store = prepare(f"folder:{tmp_path / 'photos'}", tmp_path / "store")
    assert store.ids == ["caf\\xe9.png"]
