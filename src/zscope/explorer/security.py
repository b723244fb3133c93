"""Who may ask: the page itself and nobody else, so that no other page in the browser reads codes or images."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 16 * 2**20
"""Of a request's body: a selection of two million rows fits."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine for itself.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.7", "localhost.evil.org")]
    [True, True, True, False, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """Name or address in a ``Host`` header, without its port.

    Examples
    --------
    >>> [host_of(header) for header in ("localhost:8000", "[::1]:80", "example.org", "[::1]")]
    ['localhost', '::1', 'example.org', '::1']
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


@dataclass(frozen=True)
class Access:
    """Who is let in.

    Attributes
    ----------
    host : str
        Where the server listens.
    allowed : frozenset of str
        Further names under which it may be asked for, as that of a proxy.
    token : str or None
        What every call must bring; None where only this machine can reach the server.
    """

    host: str
    allowed: frozenset[str] = frozenset()
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, host: str, allowed: Iterable[str] = ()) -> "Access":
        """Make it for a host to listen at: other machines need a token."""
        token = None if is_loopback(host) else secrets.token_urlsafe(24)
        return cls(host, frozenset(host_of(name) for name in allowed), token)

    def refuses(self, headers: Headers, *, call: bool) -> str | None:
        """Say why a request is turned away.

        Parameters
        ----------
        headers : Headers
            Of the request.
        call : bool
            Whether it asks for more than the page's own files.

        Returns
        -------
        str or None
            The reason in words.
        """
        asked = headers.get("host", "")
        # A page of another site can point its own name at this address: only names that are ours are answered. Where a
        # token is demanded, that page does not know it.
        ours = is_loopback(host_of(asked)) or host_of(asked) in self.allowed or host_of(asked) == self.host.lower()
        if self.token is None and not ours:
            return (
                f"Host must be this machine, got {host_of(asked) or 'none'}: name it by --allow-host if it is a proxy's"
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != asked.lower():
            return f"Origin must be the page's own, got {origin}"
        if call and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "the call comes from another site"
        if call and self.token is not None:
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not secrets.compare_digest(given.encode(), self.token.encode()):
                return "the token is missing or another: open the URL that zscope explore printed"
        return None


def failure(kind: str, says: str, status: int) -> Response:
    """Give an error in the one shape that all have: ``{"error": {"kind", "says"}}``."""
    # What a message repeats of a call may hold halves of characters, which UTF-8 cannot write.
    return JSONResponse({"error": {"kind": kind, "says": says.encode("utf-8", "replace").decode()}}, status)


class Guard:
    """Middleware: turns strangers and floods away, and puts `HEADERS` on every answer.

    Parameters
    ----------
    app : ASGIApp
        What it guards.
    access : Access
        Who is let in.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        why = self.access.refuses(headers, call="/api/" in scope["path"])
        if why is not None:
            await failure("forbidden", why, 403)(scope, receive, guarded)
        elif not headers.get("content-length", "0").isdecimal() or int(headers.get("content-length", "0")) > MOST_BYTES:
            await failure("too_large", f"a call must be at most {MOST_BYTES:,} bytes", 413)(scope, receive, guarded)
        else:
            await self.app(scope, receive, guarded)
