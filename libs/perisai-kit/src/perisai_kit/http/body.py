"""Request bodies: their size, their encoding, and strict JSON.

Duplicate names, NaN, Infinity, encodings other than UTF-8 and deep nesting are refused with 400,
because two readers could understand them differently. A byte order mark is ignored, as RFC 8259
allows.
"""

import email.message
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, Self
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perisai_kit.domain.errors import TooLarge, UnsupportedMedia
from perisai_kit.http.answers.body_rules import get_body_rules, read_readable
from perisai_kit.http.problems import BodyUnreadable, build_problem_response
from perisai_kit.http.validation import BodyRefused

MAX_DEPTH = 64
"""Far more than any request needs. Deeper nesting can exhaust the stack."""

MAX_FORM_FIELDS = 50

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text. Raises: BodyUnreadable."""
    try:
        value = _DECODER.decode(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BodyUnreadable from None
    if _is_deeper(value, MAX_DEPTH):
        raise BodyUnreadable("The JSON is nested too deeply.")
    return value


def to_canonical_json(value: Any) -> bytes:
    """Return the same bytes for equal values, independent of the order of names and of spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyUnreadable("A JSON object contains a name twice.")
    return found


def _constant(name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


class EncodingUnsupported(UnsupportedMedia):
    """A small compressed body may be huge, so no body is decompressed."""

    code = "content_encoding_unsupported"
    text = "Send the request body without compression."
    text_id = "Kirim isi permintaan tanpa kompresi."


class BodyLimit:
    """Refuses a compressed body, and one of more than `limit` bytes with or without a length."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            await build_problem_response(Request(scope), EncodingUnsupported())(
                scope, receive, send
            )
            return
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.limit:
            await build_problem_response(Request(scope), TooLarge())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message: Any = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise TooLarge
            return message  # type: ignore[no-any-return]  # a message is a mapping of anything

        await self.app(scope, counted, send)


class JsonRequest(Request):
    """A request with strict JSON, parsed once."""

    async def json(self) -> Any:
        """Return the value of the body. Raises: BodyUnreadable."""
        if not hasattr(self, "_value"):
            self._value = parse_json(await self.body())
        return self._value

    @classmethod
    def of(cls, request: Request, value: Any) -> Self:
        """Return a request whose JSON is this value, whatever it was written as."""
        headers = [each for each in request.scope["headers"] if each[0] != b"content-type"]
        json_type = (b"content-type", b"application/json")
        made = cls({**request.scope, "headers": [*headers, json_type]}, request.receive)
        made._body, made._value = b"{}", value
        return made

    @property
    def has_body(self) -> bool:
        """Whether a body was sent, by its headers."""
        return self.headers.get("content-length", "0") != "0" or (
            "transfer-encoding" in self.headers
        )

    @property
    def is_json(self) -> bool:
        """Whether the content type is JSON, by the rule of FastAPI."""
        message = email.message.Message()
        message["content-type"] = self.headers.get("content-type", "")
        kind = message.get_content_subtype()
        return message.get_content_maintype() == "application" and (
            kind == "json" or kind.endswith("+json")
        )


def to_json_request(request: Request) -> JsonRequest:
    """Return the request as a JsonRequest; its body must be unread."""
    if isinstance(request, JsonRequest):
        return request
    return JsonRequest(request.scope, request.receive)


def parse_form(raw: bytes) -> dict[str, str]:
    """Return the fields of a form (application/x-www-form-urlencoded). Raises: BodyUnreadable."""
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise BodyUnreadable("The form cannot be read.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyUnreadable("A name stands twice in the form.")
    return found


class JsonRoute(APIRoute):
    """A route with strict JSON; every route with a body uses it."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        takes_body = self.body_field is not None
        rules = get_body_rules(self.endpoint) if takes_body else None

        async def handle(request: Request) -> Response:
            asked = to_json_request(request)
            if takes_body and asked.has_body and not asked.is_json:
                raise UnsupportedMedia
            try:
                return await handler(asked)
            except RequestValidationError as error:
                if rules is None:
                    raise
                model, find = rules
                readable = read_readable(model, error.body)
                raise BodyRefused(error, find(readable, asked) if readable else ()) from None

        return handle
