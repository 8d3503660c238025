"""Compression of answers with gzip."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import (
    DEFAULT_EXCLUDED_CONTENT_TYPES,
    GZipResponder,
    IdentityResponder,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MINIMUM_SIZE = 1000
LEVEL = 6
"""The default of zlib; level 9 takes twice the time for one per cent."""
NEVER_PATHS = ("/v1/auth/", "/v1/me/totp", "/v1/bank-partners", "/v1/sandbox/")
"""Answers with secrets are not compressed, because the length would leak their content."""
NEVER_TYPES = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/cloudevents-batch+json")
"""Feeds are read on the local network. Banks are answered before this layer."""

_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([0-9.]+)\s*)?(?:,|$)", re.IGNORECASE)


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether the client accepts gzip."""
    found = _GZIP.search(headers.get("accept-encoding", ""))
    return found is not None and (found[1] or "1").strip("0.") != ""


class Compression:
    """Compresses answers of 1 kB or more, also streams, for clients that accept gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(NEVER_PATHS):
            await self.app(scope, receive, send)
            return
        responder = (
            GZipResponder(self.app, MINIMUM_SIZE, LEVEL, exclude_content_types=NEVER_TYPES)
            if accepts_gzip(Headers(scope=scope))
            else IdentityResponder(self.app, MINIMUM_SIZE, exclude_content_types=NEVER_TYPES)
        )

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                _weaken_etag(MutableHeaders(raw=message["headers"]))
            await send(message)

        await responder(scope, receive, send_weakened)


def _weaken_etag(headers: MutableHeaders) -> None:
    """Mark the ETag of a compressed answer as weak: its bytes are not those of the plain one."""
    etag = headers.get("etag", "W/")
    if "content-encoding" in headers and not etag.startswith("W/"):
        headers["etag"] = f"W/{etag}"
