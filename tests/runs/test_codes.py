"""Reading codes of one's own: every format, and every way in which a file can be something else."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from zscope.errors import CodesError, FormatError
from zscope.measures import LatentCodes
from zscope.runs.codes import READERS, bad_rows, content_hash, listed_rows, read_codes, without_rows

CODES = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
NAMES = ("z0", "z1", "z2")


def write_npy(path, codes):
    np.save(path, codes)


def write_npz(path, codes):
    np.savez_compressed(path, whatever=codes)


def write_csv(path, codes):
    np.savetxt(path, codes, delimiter=",", fmt="%.9g")


def write_parquet(path, codes):
    pq.write_table(pa.table(dict(zip(NAMES, codes.T, strict=True))), path)


def write_safetensors(path, codes):
    save_file({"whatever": np.ascontiguousarray(codes)}, path)


WRITERS = {
    ".npy": write_npy,
    ".npz": write_npz,
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".safetensors": write_safetensors,
}


@pytest.mark.parametrize("suffix", READERS)
def test_every_format_gives_the_same_numbers(suffix, tmp_path):
    path = tmp_path / f"codes{suffix}"
    WRITERS[suffix](path, CODES)
    stored = read_codes(path)
    assert np.array_equal(stored.mean, CODES)
    assert (stored.logvar, stored.labels) == (None, {})
    assert stored.says == f"{path}: 30 codes of 3 dimensions"
    assert not len(bad_rows(stored))


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "gone", "folder"])
def test_a_file_that_is_something_else_is_named_in_one_line(suffix, damage, tmp_path):
    path = tmp_path / f"codes{suffix}"
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        WRITERS[suffix](path, CODES)
        whole = path.read_bytes()
        # What is cut off a CSV file is missed where it ends within a line.
        content = {"empty": b"", "cut": whole[: 60 if suffix == ".csv" else -40], "text": b"no; numbers\n\xff\n"}[
            damage
        ]
        path.write_bytes(content)
    with pytest.raises((FormatError, CodesError)) as caught:
        read_codes(path).mean.sum()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suffix_that_is_no_format_of_codes(tmp_path):
    with pytest.raises(FormatError, match=r"must be a file of codes \(.npy, .*safetensors\), got .txt"):
        read_codes(tmp_path / "codes.txt")


@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8", "<i2", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_type_and_order(kind, order, tmp_path):
    table = np.asarray(np.round(CODES * 3) + 20, dtype=kind, order=order)
    np.save(tmp_path / "codes.npy", table)
    assert np.array_equal(LatentCodes.of(read_codes(tmp_path / "codes.npy").mean).mean, np.round(CODES * 3) + 20)


def test_plain_float32_is_mapped_and_not_copied(tmp_path):
    np.save(tmp_path / "codes.npy", CODES)
    stored = read_codes(tmp_path / "codes.npy")
    assert isinstance(stored.mean, np.memmap)
    assert np.shares_memory(LatentCodes.of(stored.mean).mean, stored.mean)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            CODES[:, 0],
            r"shape \(N, d\), got \(30,\); if these are 30 codes of one dimension, save array.reshape\(-1, 1\)",
        ),
        (CODES.reshape(10, 3, 3), r"got \(10, 3, 3\); save array.reshape\(len\(array\), -1\)"),
        (np.float32(1), r"shape \(N, d\), got \(\)"),
        (CODES[:0], r"at least 1 point in at least 1 dimension, got \(0, 3\)"),
        (CODES[:, :0], r"at least 1 point in at least 1 dimension, got \(30, 0\)"),
        (CODES * 1j, "must be real numbers, got an array of type complex64"),
        (np.array([["a", "b"]]), "must be real numbers, got an array of type <U1"),
        (CODES > 0, "must be real numbers, got an array of type bool"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(array, words, tmp_path):
    np.save(tmp_path / "codes.npy", array)
    with pytest.raises(CodesError, match=words):
        read_codes(tmp_path / "codes.npy")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_python_objects_are_not_read(suffix, tmp_path):
    path = tmp_path / f"codes{suffix}"
    objects = np.array([[1.0, None]], object)
    if suffix == ".npy":
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(path, codes=objects, allow_pickle=True)
    with pytest.raises(FormatError, match=r"holds Python objects, which could run code when read"):
        read_codes(path)


def archive(path, **arrays):
    (save_file if path.suffix == ".safetensors" else lambda content, to: np.savez(to, **content))(arrays, path)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
class TestArchives:
    def test_posteriors(self, suffix, tmp_path):
        stored = read_codes(archive(tmp_path / f"c{suffix}", logvar=CODES - 1, mean=CODES, other=CODES[:2]))
        assert np.array_equal(stored.mean, CODES)
        assert np.array_equal(stored.logvar, CODES - 1)
        assert stored.says.endswith("30 codes of 3 dimensions with log-variances")

    @pytest.mark.parametrize("names", [("a", "b"), ("logvar",), ("codes", "mean")])
    def test_no_or_two_arrays_of_codes(self, suffix, names, tmp_path):
        path = archive(tmp_path / f"c{suffix}", **{name: CODES + i for i, name in enumerate(names)})
        with pytest.raises(CodesError, match=f"must hold one array, or arrays named codes or mean.*; got {names[0]}"):
            read_codes(path)

    def test_log_variances_of_another_shape(self, suffix, tmp_path):
        path = archive(tmp_path / f"c{suffix}", mean=CODES, logvar=CODES[:9])
        with pytest.raises(CodesError, match=r"log-variances must have the shape \(30, 3\) of the codes, got \(9, 3\)"):
            read_codes(path)


def test_labels_in_an_npz_file(tmp_path):
    stored = read_codes(archive(tmp_path / "c.npz", codes=CODES, labels=np.array(["a", "b"] * 15)))
    assert stored.labels["label"].to_pylist() == ["a", "b"] * 15
    with pytest.raises(CodesError, match="labels must be one a code, 30, got 2"):
        read_codes(archive(tmp_path / "d.npz", codes=CODES, labels=np.arange(2)))


class TestCsv:
    def read(self, text, tmp_path):
        (tmp_path / "c.csv").write_text(text, encoding="utf-8")
        return read_codes(tmp_path / "c.csv")

    @pytest.mark.parametrize(
        ("text", "codes", "labels"),
        [
            ("0.5,1\n2,3\n", [[0.5, 1], [2, 3]], {}),
            ("0,1\n2,3\n", [[0, 1], [2, 3]], {}),
            ("1,0,2\n2,3,4\n", [[1, 0, 2], [2, 3, 4]], {}),
            ("x,y\n0.5,1.5\n", [[0.5, 1.5]], {}),
            ("x,kind,y,digit\n0.5,a,1.5,7\n", [[0.5, 1.5]], {"kind": ["a"], "digit": [7]}),
            ("x,y\n3,4\n", [[3, 4]], {}),  # no fractions: whole numbers are the axes
            ("0,1,2\n0.5,1.5,2.5\n", [[0.5, 1.5, 2.5]], {}),  # as pandas names columns
            (",0,1,label\n0,0.5,1.5,a\n", [[0.5, 1.5]], {"label": ["a"]}),  # with its index
            ("\ufeffx\n0.5\n", [[0.5]], {}),
            ("x,y\n0.5,\nnan,1e3\n", [[0.5, np.nan], [np.nan, 1000]], {}),
            ("x,y\ninf,1.5\n-inf,2\n", [[np.inf, 1.5], [-np.inf, 2]], {}),
        ],
    )
    def test_names_axes_and_labels(self, text, codes, labels, tmp_path):
        stored = self.read(text, tmp_path)
        assert np.array_equal(stored.mean, np.array(codes, np.float32), equal_nan=True)
        assert {name: column.to_pylist() for name, column in stored.labels.items()} == labels

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("0.5,1.5,cat\n1.5,2.5,dog\n", "first line must be names or numbers, got both .'cat' and '0.5'."),
            ("0.5,1.5\n1.5,dog\n", "every column must be numbers, column 1 is not"),
            ("x,y\na,b\n", "holds no column of numbers, got x, y"),
            ("x;y\n1;2\n", "holds no column of numbers, got x;y"),
            ("x,y\n", "holds no row below its line of names"),
            ("x,x\n1.5,2.5\n", "must name every column once, got x more than once"),
            ("x,y\n1e300,2\n", "codes must fit into float32, got 1e[+]300"),
        ],
    )
    def test_what_cannot_be_codes(self, text, words, tmp_path):
        with pytest.raises(CodesError, match=words):
            self.read(text, tmp_path)

    def test_rows_of_different_lengths(self, tmp_path):
        with pytest.raises(FormatError, match=r"c.csv cannot be read as csv: .*Expected 2 columns, got 1"):
            self.read("0.5,1.5\n1.5\n", tmp_path)


def test_parquet_takes_fractions_as_axes_in_their_order_and_keeps_the_rest_as_labels(tmp_path):
    content = {
        "id": ["a", "b"],
        "z": pa.array([0.5, None]),
        "digit": pa.array([3, None], pa.int8()),
        "a": pa.array(np.array([1, 2], np.float16)),
        "kind": pa.array(["u", "v"]).dictionary_encode(),
        "__index_level_0__": [5, 6],
    }
    pq.write_table(pa.table(content), tmp_path / "c.parquet")
    stored = read_codes(tmp_path / "c.parquet")
    assert np.array_equal(stored.mean, np.array([[0.5, 1], [np.nan, 2]], np.float32), equal_nan=True)
    labels = {name: column.to_pylist() for name, column in stored.labels.items()}
    assert labels == {"id": ["a", "b"], "digit": [3, None], "kind": ["u", "v"]}


def test_parquet_of_lists_is_refused_by_name(tmp_path):
    pq.write_table(pa.table({"z": [0.5], "embedding": [[1.0, 2.0]]}), tmp_path / "c.parquet")
    with pytest.raises(CodesError, match=r"column embedding holds list<.*>, which is neither an axis nor a label"):
        read_codes(tmp_path / "c.parquet")


def test_rows_that_are_not_finite_are_found_and_left_out_with_their_labels(tmp_path):
    codes, logvar = CODES.astype(np.float64), CODES.copy()
    codes[3, 1], codes[11, 0], logvar[20, 2] = np.nan, np.inf, -np.inf
    stored = read_codes(archive(tmp_path / "c.npz", mean=codes, logvar=logvar, labels=np.arange(30)))
    rows = bad_rows(stored)
    assert rows.tolist() == [3, 11, 20]
    assert listed_rows(rows, 30) == "3 of 30 rows hold NaN or infinity (rows 3, 11, 20, counted from 0)"
    assert listed_rows(np.array([4]), 30) == "1 of 30 rows holds NaN or infinity (row 4, counted from 0)"
    assert listed_rows(np.arange(9), 3000).endswith("(rows 0, 1, 2, 3, 4, …, counted from 0)")
    kept = without_rows(stored, rows)
    others = [row for row in range(30) if row not in (3, 11, 20)]
    assert np.array_equal(kept.mean, codes[others])
    assert np.array_equal(kept.logvar, logvar[others])
    assert kept.labels["label"].to_pylist() == others
    assert without_rows(kept, rows[:0]) is kept
    with pytest.raises(CodesError, match="every row holds NaN or infinity"):
        without_rows(stored, np.arange(30))


def test_the_hash_knows_numbers_and_not_files(tmp_path):
    hashes = []
    for suffix, write in WRITERS.items():
        write(tmp_path / f"c{suffix}", CODES)
        hashes.append(content_hash(read_codes(tmp_path / f"c{suffix}")))
    np.save(tmp_path / "f.npy", np.asfortranarray(CODES.astype(np.float64)))
    assert {*hashes, content_hash(read_codes(tmp_path / "f.npy"))} == {hashes[0]}
    other = CODES.copy()
    other[29, 2] += 1e-6
    for changed in (other, CODES.reshape(10, 9), CODES[:29]):
        np.save(tmp_path / "f.npy", changed)
        assert content_hash(read_codes(tmp_path / "f.npy")) != hashes[0]
    with_logvar = read_codes(archive(tmp_path / "g.npz", mean=CODES, logvar=CODES))
    assert content_hash(with_logvar) != hashes[0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_any_numbers_survive_a_csv_file(tmp_path_factory, rows, named):
    table = np.array(rows, np.float32)
    path = tmp_path_factory.mktemp("csv") / "c.csv"
    np.savetxt(path, table, delimiter=",", fmt="%.9e", header="x,y" if named else "", comments="")
    assert np.array_equal(read_codes(path).mean, table)
