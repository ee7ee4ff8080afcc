"""Who may ask for what: addresses, origins, the token, the browser's own secret, and what a page of ours may do."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maquette.web.limits import ServeOptions, is_loopback

SECRET, ENTRY = "maquette-browser", "maquette-entry"
SECRET_LENGTH = (32, 64)  # characters, as `token_urlsafe(32)` gives 43
FREE = ("/login", "/assets/look.css", "/assets/app.css", "/assets/icon.svg")  # paths without a token
YEAR_S = 365 * 24 * 3600
PAGE_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_RULES,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send forms with the origin "null"
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Guard:
    """In front of the app: refuses what is not for it, and says in each answer what browsers may do with it.

    A page of another site reaches this server through its visitor's browser: by a name that it makes point here (the
    Host header shows it) or by requests across sites (Origin and Sec-Fetch-Site show them, and the cookies stay away).
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        """Guard an ASGI app."""
        self.app, self.options = app, options
        self.names = {"localhost", options.host.lower(), *_own_names(options.host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            return
        headers = Headers(scope=dict(scope))
        cookies = _cookies(headers)
        secret = cookies.get(self.cookie(SECRET, headers), "")
        if not (SECRET_LENGTH[0] <= len(secret) <= SECRET_LENGTH[1]):
            secret = ""
        scope["maquette.owner"] = owner(secret) if secret else ""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    if name not in out:
                        out[name] = value
                if not secret and scope["path"] == "/":
                    out.append("Set-Cookie", self.baked(SECRET, token_urlsafe(32), headers))
            await send(message)

        refusal = self.refusal(scope, headers, cookies)
        await (refusal or self.app)(scope, receive, answer)

    def refusal(self, scope: Scope, headers: Headers, cookies: dict[str, str]) -> Response | None:
        """The answer to who is not let in; None lets in."""
        host, safe = headers.get("host", ""), scope["method"] in ("GET", "HEAD")
        if not self.is_ours(host):
            return refused(421, f"This server is not {host[:80]!r}: open it by its own address.")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") and not (
            safe and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        ):
            return refused(403, "Another site asked for this.")
        if not safe and "origin" in headers and urlsplit(headers["origin"]).netloc != host:
            return refused(403, "Another site asked for this.")
        if self.is_known(headers, cookies) or scope["path"] in FREE:
            return None
        if safe and scope["path"] == "/":
            return Response(status_code=303, headers={"Location": "/login"})
        return refused(401, "Give the token first.")

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names this server: an address (no name that somebody made point here), or its name."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return address.is_loopback or not is_loopback(self.options.host)

    def is_known(self, headers: Headers, cookies: dict[str, str]) -> bool:
        """Whether the token is needed and not there."""
        token = self.options.token
        if token is None:
            return True
        kept = cookies.get(self.cookie(ENTRY, headers), "")
        kind, _, given = headers.get("authorization", "").partition(" ")
        return same(kept, entry(token)) or (kind.lower() == "bearer" and same(given.strip(), token))

    def admission(self, given: str, headers: Headers) -> str | None:
        """The cookie for a browser that brings the token; None for another."""
        token = self.options.token
        return self.baked(ENTRY, entry(token), headers) if token is not None and same(given, token) else None

    def cookie(self, name: str, headers: Headers) -> str:
        """A cookie's name: with the port, for browsers share cookies between the ports of one host."""
        return f"{name}-{headers.get('host', '').rpartition(':')[2] or '80'}".replace("]", "")

    def baked(self, name: str, value: str, headers: Headers) -> str:
        """A Set-Cookie header that no script reads and no other site sends."""
        return f"{self.cookie(name, headers)}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={YEAR_S}"


def refused(status: int, text: str) -> JSONResponse:
    """An error as one line."""
    return JSONResponse({"error": text}, status)


def owner(secret: str) -> str:
    """What is kept of a browser's secret."""
    return sha256(secret.encode()).hexdigest()[:32]


def entry(token: str) -> str:
    """What a browser keeps in place of the token."""
    return hmac.new(token.encode(), b"maquette entry", "sha256").hexdigest()


def same(given: str, wanted: str) -> bool:
    """Equality in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _own_names(host: str) -> set[str]:
    """This computer's names, where other computers are let in."""
    if is_loopback(host):
        return set()
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}
