"""The server: the page, its module, and one address for each call."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import uvicorn
from fastapi import FastAPI, Request, Response

from zscope.errors import ParameterError
from zscope.explorer.answering import Answering, described
from zscope.explorer.bundle import STYLES, bundle, front
from zscope.explorer.envelope import packed
from zscope.explorer.security import MOST_BYTES, Access, Guard, failure
from zscope.study.explore import Exploration

BINARY = "application/octet-stream"


def application(exploration: Exploration, access: Access) -> FastAPI:
    """Make the web application.

    Parameters
    ----------
    exploration : Exploration
        What is looked at.
    access : Access
        Who is let in.

    Returns
    -------
    FastAPI
        ``GET /`` and the page's own files; ``POST /api/CALL`` with a JSON object, answered by an envelope
        (`zscope.explorer.envelope`) or by ``{"error": {"kind", "says"}}`` and a status of 400 or more, or 200 for a
        call that a newer one of its stream made stale.
    """
    answering = Answering(exploration)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        yield
        answering.close()

    app = FastAPI(title="zscope explorer", docs_url=None, redoc_url=None, openapi_url=None, lifespan=living)
    app.add_middleware(Guard, access=access)
    pages: dict[str, tuple[Callable[[], str], str]] = {
        "/": (lambda: front("index.html"), "text/html"),
        "/explorer.js": (bundle, "text/javascript"),
        **{f"/{name}": (partial(front, name), "text/css") for name in STYLES},
    }
    for path, (content, kind) in pages.items():
        app.get(path)(_page(content, kind))

    @app.post("/api/{name}")
    async def api(name: str, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return failure("too_large", f"a call must be at most {MOST_BYTES:,} bytes", 413)
        try:
            future = answering.call(name, _json(body))
            answer = await asyncio.wrap_future(future)
            return Response(await asyncio.to_thread(packed, answer.data, answer.buffers), media_type=BINARY)
        except Exception as error:  # every error leaves in one shape; those of the program are logged
            return failure(*described(error))

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def missing(request: Request, _: Exception) -> Response:
        return failure("unknown", f"there is no {request.method} {request.url.path}", 404)

    return app


def _page(content: Callable[[], str], kind: str) -> Callable[[], Response]:
    def page() -> Response:
        return Response(content(), media_type=kind)

    return page


async def _body(request: Request) -> bytes | None:
    """Read the body; None where it is larger than a call may be."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _json(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ParameterError("body", "be a JSON object", f"{len(body)} bytes that are none") from None


def listening(host: str, port: int) -> socket.socket:
    """Open the socket that the server listens at, so that its port is known before it runs.

    Parameters
    ----------
    host : str
        Name or address of this machine.
    port : int
        0 takes a free one.

    Raises
    ------
    ParameterError
        There is no such host here, or the port is taken or out of its bounds.
    """
    if not 0 <= port <= 65_535:
        raise ParameterError("--port", "be from 0 to 65535", port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ParameterError("--host", "be a name or address of this machine", host) from None
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
    except OSError as error:
        opened.close()
        raise ParameterError("--port", f"be free ({error.strerror})", port) from None
    opened.listen(128)
    return opened


def address_of(opened: socket.socket, access: Access) -> str:
    """URL of the page; the token, where one is demanded, stands in its fragment, which browsers send to nobody."""
    host, port = opened.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + ("" if access.token is None else f"#token={access.token}")


def serve(exploration: Exploration, opened: socket.socket, access: Access) -> None:
    """Answer until interrupted.

    Parameters
    ----------
    exploration : Exploration
        What is looked at.
    opened : socket
        From `listening`.
    access : Access
        Who is let in.
    """
    config = uvicorn.Config(application(exploration, access), log_level="warning", access_log=False, lifespan="on")
    with suppress(KeyboardInterrupt):  # a second Ctrl-C, while the first one is being obeyed
        uvicorn.Server(config).run(sockets=[opened])
