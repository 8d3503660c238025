"""ETags of GET answers, and 304 for a matching If-None-Match.

The handler always runs, with its checks and read audits; only the body is not sent.
"""

from fastapi import Request, params
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perisai_kit.http.answers.etag import is_known, with_digest

MEDIA_TYPE = "application/json"
OF_THE_BODY = ("content-type", "content-length", "content-encoding")


def made_at(*fields: str) -> params.Depends:
    """Return the dependency of a route whose answer says in these fields when it was made.

    Its ETag leaves them out, so that a later answer with the same content has the same ETag.
    """

    async def name_fields(request: Request) -> None:
        request.state.made_at = fields

    return params.Depends(name_fields)


class NotModified:
    """Gives each JSON answer to a GET an ETag, and answers 304 to a client that sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        scope.setdefault("state", {})  # where a route names its fields of `made_at`

        async def send_unless_known(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_marked(message):
                start = message  # sent with the body, whose digest is its ETag
                return
            if start is not None:
                whole = not message.get("more_body", False)
                if whole and _mark(start, message["body"], scope):
                    message = {**message, "body": b""}
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, send_unless_known)


def _is_marked(start: Message) -> bool:
    """Tell whether an answer has an ETag or gets one."""
    headers = Headers(raw=start["headers"])
    is_json = headers.get("content-type", "").partition(";")[0] == MEDIA_TYPE
    return start["status"] == 200 and (is_json or "etag" in headers)


def _mark(start: Message, body: bytes, scope: Scope) -> bool:
    """Set the ETag of an answer; turn it into a 304 if it matches, and return whether it did."""
    headers = MutableHeaders(raw=start["headers"])
    made_at = scope["state"].get("made_at", ())
    etag = headers["etag"] = with_digest(headers.get("etag"), body, made_at=made_at)
    if not is_known(Headers(scope=scope).getlist("if-none-match"), etag):
        return False
    start["status"] = 304
    for name in OF_THE_BODY:
        del headers[name]
    headers.setdefault("vary", "Accept-Encoding")  # as in the full answer
    return True
