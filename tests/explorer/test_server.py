"""The server as a page meets it: answers in envelopes, errors in one shape, strangers turned away."""

import json
import re

import numpy as np
import pytest
from starlette.testclient import TestClient

from zscope.errors import ParameterError
from zscope.explorer.bundle import PAGE, PLANES, bundle, front, in_order
from zscope.explorer.calls import CALLS
from zscope.explorer.envelope import unpacked
from zscope.explorer.security import HEADERS, MOST_BYTES, Access
from zscope.explorer.server import BINARY, address_of, application, listening
from zscope.figures.style import CLASS_COLOURS
from zscope.study.explore import open_exploration

HOME = "http://127.0.0.1"


@pytest.fixture(scope="module")
def codes(tmp_path_factory):
    """400 codes in 4 dimensions with labels and images, as a person brings them."""
    folder = tmp_path_factory.mktemp("codes")
    rng = np.random.default_rng(0)
    np.save(folder / "codes.npy", (rng.standard_normal((400, 4)) * [3, 2, 1, 1]).astype(np.float32))
    np.save(folder / "images.npy", rng.integers(0, 256, (400, 6, 5), dtype=np.uint8))
    np.save(folder / "kind.npy", rng.integers(0, 3, 400))
    return folder


@pytest.fixture(scope="module")
def exploration(codes):
    return open_exploration([codes / "codes.npy"], labels=codes / "kind.npy", images=codes / "images.npy")


@pytest.fixture(scope="module")
def page(exploration):
    with TestClient(application(exploration, Access.of("127.0.0.1")), base_url=HOME) as client:
        yield client


def ask(page, name, /, **parameters):
    answer = page.post(f"/api/{name}", json=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == BINARY
    return unpacked(answer.content)


def refused(page, name, content, /, status=422):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = page.post(f"/api/{name}", content=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert set(error) == {"kind", "says"}
    assert "\n" not in error["says"]
    return error


PLANE = {"x": "pc1", "y": "pc2"}
MEAN = {"kind": "mean"}
GOOD = {
    "session": {},
    "column": {"run": "0", "name": "axis0"},
    "null": {"run": "0", "cloud": "covariance", "draw": 0, "names": ["pc1", "pc2"]},
    "lineup": {"run": "0", "plane": PLANE, "cloud": "covariance", "window": [-3, 3, -3, 3], "panels": 4, "bins": 16},
    "window": {"run": "0", "plane": PLANE, "centre": [0, 0], "half": [3, 3]},
    "point": {"run": "0", "row": 7, "neighbours": 3},
    "thumbnails": {"run": "0", "rows": [5, 3], "edge": 8},
    "draw": {"run": "0", "sampler": "covariance", "n": 9, "plane": PLANE},
    "compare": {"run": "0", "rows": list(range(50))},
    "export": {"run": "0", "rows": [1, 2], "format": "npy"},
    "path": {"run": "0", "start": 1, "end": 2},
    "link": {"a": "0", "b": "0"},
}
NEED_A_MODEL = {
    "decode": {"run": "0", "base": MEAN, "plane": PLANE, "at": [[0, 0]]},
    "meaning": {"run": "0", "base": MEAN, "plane": PLANE, "window": [-1, 1, -1, 1], "side": 4},
}


def test_every_call_is_tried():
    assert {*GOOD, *NEED_A_MODEL, "guess"} == set(CALLS)


@pytest.mark.parametrize("name", GOOD)
def test_good_calls_are_answered(page, name):
    data, _ = ask(page, name, **GOOD[name])
    assert isinstance(data, dict)


def test_what_comes_is_what_is_there(page, codes):
    kept = np.load(codes / "codes.npy")
    _, buffers = ask(page, "column", run="0", name="axis1")
    np.testing.assert_array_equal(buffers["values"], kept[:, 1])
    data, buffers = ask(page, "point", run="0", row=7, neighbours=3)
    apart = np.linalg.norm(kept - kept[7], axis=1)
    assert [one["row"] for one in data["neighbours"]] == np.argsort(apart)[1:4].tolist()
    np.testing.assert_array_equal(buffers["code"], kept[7])
    np.testing.assert_array_equal(buffers["image"][..., 0], np.load(codes / "images.npy")[7])


@pytest.mark.parametrize("name", NEED_A_MODEL)
def test_codes_alone_decode_to_nothing(page, name):
    assert "without a model" in refused(page, name, NEED_A_MODEL[name])["says"]


def test_a_lineup_is_guessed_once(page):
    data, buffers = ask(page, "lineup", **GOOD["lineup"])
    assert "answer" not in json.dumps(data)
    assert buffers["counts"].shape == (4, 16, 16)
    truth, _ = ask(page, "guess", run="0", id=data["id"], panel=0)
    assert truth["right"] == (truth["panel"] == 0)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("nothing", {}, "call must be one of session, column"),
        ("column", {"run": "0"}, "name must"),
        ("column", {"run": "7", "name": "axis0"}, "run must be"),
        ("column", {"run": "0", "name": "axis9"}, "axis0 to axis3"),
        ("column", {"run": "0", "name": "../codes.npy"}, "column must be"),
        ("column", {"run": "0", "name": "axis0", "more": 1}, "more must"),
        ("point", {"run": "0", "row": 400}, "row must be a whole number from 0 to 399, got 400"),
        ("point", {"run": "0", "row": -1}, "row must be greater than or equal to 0, got -1"),
        ("point", {"run": "0", "row": "seven"}, "row must be a valid integer"),
        ("window", {**GOOD["window"], "half": [0, 1]}, "half.0 must be greater than 0"),
        ("thumbnails", {"run": "0", "rows": []}, "rows must"),
        ("thumbnails", {"run": "0", "rows": list(range(401))}, "rows must"),
        ("draw", {**GOOD["draw"], "sampler": "hat"}, "hat"),
        ("draw", {**GOOD["draw"], "n": 10**9}, "n must be less than or equal to 256"),
        ("export", {"run": "0", "rows": [1], "format": "pickle"}, "format must be 'csv', 'parquet' or 'npy'"),
        ("decode", {"run": "0", "base": {"kind": "row"}}, "must come with row"),
        ("decode", {"run": "0", "base": MEAN, "plane": PLANE}, "must come together"),
        (
            "decode",
            b'{"run": "0", "base": {"kind": "mean"}, "plane": {"x": "pc1", "y": "pc2"}, "at": [[NaN, 0]]}',
            "nan",
        ),
        ("decode", {"run": "0", "base": {"kind": "code", "code": [1, 2]}}, "4"),
        ("session", b"[1, 2]", "must"),
        ("column", b'{"run": "\\ud800", "name": "axis0"}', "run must be"),
        ("column", b'{"run": "0", "name": "axis0", "\\ud800": 1}', "must"),
        ("draw", {**GOOD["draw"], "sampler": "mixture:100000"}, "sampler must be one of"),
        ("session", b"{", "body must be a JSON object"),
        ("session", b"\xff\xfe", "body must be a JSON object"),
        ("session", b"[" * 100_000, "body must be a JSON object"),
    ],
)
def test_wrong_calls_get_one_line(page, name, content, says):
    error = refused(page, name, content)
    assert error["kind"] in ("parameter", "codes")
    assert says in error["says"]


def test_floods_are_turned_away(page):
    def endless():
        for _ in range(MOST_BYTES // 2**16 + 2):
            yield b" " * 2**16

    told = page.post("/api/session", content=b" " * (MOST_BYTES + 1))
    untold = page.post("/api/session", content=endless())
    assert [told.status_code, untold.status_code] == [413, 413]
    assert told.json()["error"]["kind"] == untold.json()["error"]["kind"] == "too_large"


@pytest.mark.parametrize("path", ["/etc/passwd", "/api", "/front/dom.js", "/../pyproject.toml"])
def test_nothing_else_is_served(page, path):
    answer = page.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["kind"] == "unknown"


def test_a_defect_is_one_line_too_and_is_logged(exploration, monkeypatch, caplog):
    monkeypatch.setattr(type(exploration.run("0")), "column", lambda self, name: 1 / 0)
    with TestClient(application(exploration, Access.of("127.0.0.1")), base_url=HOME) as page:
        error = refused(page, "column", GOOD["column"], status=500)
    assert error == {"kind": "internal", "says": "a defect of zscope (ZeroDivisionError): the terminal shows more"}
    assert "division by zero" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:9"}, 200),
        ({"Host": "evil.org"}, 403),
        ({"Host": "localhost.evil.org"}, 403),
        ({"Origin": "http://127.0.0.1"}, 200),
        ({"Origin": "http://evil.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_the_page_itself_is_answered(page, headers, status):
    answer = page.post("/api/session", json={}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["kind"] == "forbidden"


def test_every_answer_carries_the_headers(page):
    for answer in (page.get("/"), page.get("/none"), page.post("/api/session", json={}, headers={"Host": "evil.org"})):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_other_machines_need_the_token(exploration):
    access = Access.of("0.0.0.0")
    with TestClient(application(exploration, access), base_url="http://10.0.0.7") as page:
        assert page.get("/").status_code == 200
        assert refused(page, "session", {}, status=403)["kind"] == "forbidden"
        wrong = page.post("/api/session", json={}, headers={"Authorization": "Bearer nonsense"})
        right = page.post("/api/session", json={}, headers={"Authorization": f"Bearer {access.token}"})
        assert [wrong.status_code, right.status_code] == [403, 200]
    assert access.token not in repr(access)


def test_a_proxy_is_allowed_by_name(exploration):
    access = Access.of("127.0.0.1", ["Hub.example.org"])
    with TestClient(application(exploration, access), base_url="https://hub.example.org") as page:
        assert page.post("/api/session", json={}, headers={"Origin": "https://hub.example.org"}).status_code == 200


def test_the_socket_tells_its_port_and_its_faults():
    opened = listening("127.0.0.1", 0)
    try:
        port = opened.getsockname()[1]
        assert address_of(opened, Access.of("127.0.0.1")) == f"http://127.0.0.1:{port}/"
        assert "#token=" in address_of(opened, Access.of("0.0.0.0"))
        with pytest.raises(ParameterError, match=f"--port must be free .*, got {port}"):
            listening("127.0.0.1", port)
    finally:
        opened.close()
    with pytest.raises(ParameterError, match="--port must be from 0 to 65535"):
        listening("127.0.0.1", 70_000)
    with pytest.raises(ParameterError, match="--host must be a name or address of this machine"):
        listening("no.such.host.invalid", 0)


def test_the_page_asks_nobody_else(page):
    """Nothing of another host, nothing inline that its policy would refuse."""
    text = page.get("/").text
    assert "http" not in text.replace("http-equiv", "")
    assert "<style" not in text
    assert "onclick" not in text
    module = page.get("/explorer.js").text
    assert "import " not in "\n".join(line for line in module.splitlines() if line.startswith("import"))
    assert "https://" not in module.replace("https://www.w3.org", "").replace("http://www.w3.org", "")
    for name in ("explorer.css", "plane.css"):
        assert "url(" not in page.get(f"/{name}").text


@pytest.mark.parametrize("last", [PAGE, PLANES])
def test_files_of_the_module_are_bundled_in_order(last):
    order = in_order(last)
    assert order[-1] == last
    for place, name in enumerate(order):
        for other in order[place:]:
            assert f'from "./{other}"' not in front(name)
    assert not re.search(r"^(export|import) ", bundle(last, exported=False), re.MULTILINE)


def test_categories_have_the_colours_of_the_figures():
    shown = re.search(r"CATEGORY_COLOURS = \[([^\]]*)\]", front("colours.js"))
    assert re.findall(r'"(#[0-9a-f]{6})"', shown[1]) == list(CLASS_COLOURS[:10])


def test_a_proxy_may_be_named_with_its_port():
    assert Access.of("127.0.0.1", ["hub.example:8443", "[fd00::7]:1"]).allowed == {"hub.example", "fd00::7"}
