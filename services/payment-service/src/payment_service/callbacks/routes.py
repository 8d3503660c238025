"""The addresses banks call, as plain ASGI over the raw bytes.

Nothing of the web framework answers under these prefixes: a bank reads every word of ours as a
code of the standard, so unknown paths, other methods, large bodies and failures of our own have
SNAP answers too.
"""

from collections.abc import Awaitable, Iterable
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from payment_service.bank_access.rules import Wire
from payment_service.bank_access.service import Gate
from payment_service.bank_access.unproven import TooManyUnproven
from payment_service.callbacks import service
from payment_service.callbacks.schemas import Reply, failed, too_large, unknown_path
from payment_service.callbacks.service import Take
from perisai_kit.http.access_log import get_record
from perisai_kit.http.client_address import get_client_address
from perisai_kit.http.protocol import ABORT
from perisai_kit.runtime.log import get_logger
from perisai_kit.runtime.plain_metrics import PlainCounter
from snap_bi.answers import Answer, build_refusal
from snap_bi.codes import Case, Service
from snap_bi.profiles import PROFILES

BODY_LIMIT = 65_536
"""Far above any lawful message: one with every bill and free text has some 20 kB."""

PATHS: dict[str, Service] = {
    "/access-token/b2b": Service.ACCESS_TOKEN,
    "/transfer-va/inquiry": Service.INQUIRY,
    "/transfer-va/payment": Service.PAYMENT,
}
PREFIXES = tuple(sorted({profile.public_prefix for profile in PROFILES.values()}))

answers_total = PlainCounter("snap_answers_total", "Answers to banks.", ["service", "code"])
log = get_logger()


class BodyTooLarge(Exception):
    """A body beyond the limit; nothing of it is looked at."""


class SnapCallbacks:
    """Answers every call under a bank's prefix, and lets all others pass.

    It stands around the framework: what a bank calls meets no routing, no body limit and no error
    handler but these, and pays for none.
    """

    def __init__(self, app: ASGIApp, *, gate: Gate, take: Take) -> None:
        self.app = app
        self._endpoints = {
            prefix + path: SnapEndpoint(prefix, path, gate, take)
            for prefix in PREFIXES
            for path in PATHS
        }
        self._unknown = {prefix: UnknownSnapPath(f"{prefix}/unknown") for prefix in PREFIXES}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            return self.app(scope, receive, send)
        path: str = scope["path"]
        found = self._endpoints.get(path) or self._unknown[_prefix(path)]
        get_record(scope).route = found.path
        return found(scope, receive, send)


class SnapEndpoint:
    """One address. Any method comes here, so that a wrong one too is answered as SNAP."""

    def __init__(self, prefix: str, path: str, gate: Gate, take: Take) -> None:
        self.path = prefix + path
        self._prefix = prefix
        self._service = PATHS[path]
        self._code = self._service.value
        self._gate = gate
        self._take = take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(scope, receive)
        except TooManyUnproven:
            await _break_off(scope, receive, send)
            return
        except Exception as error:
            log.error("callback.failed", snap_service=self._service.value, exc_info=error)
            reply = failed(self._service, self._prefix)
        answers_total.labels(self._code, reply.answer.response_code or "none").inc()
        await _send(reply, send)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if _says_too_large(scope):
            return too_large(self._service)
        if scope["method"] != "POST":
            return Reply.of(build_refusal(self._service, Case.FUNCTION_NOT_SUPPORTED))
        try:
            wire = _wire(scope, await _body(scope, receive), self._gate)
        except BodyTooLarge:
            return too_large(self._service)
        return await service.serve(self._gate, self._service, wire, self._take)


class UnknownSnapPath:
    """Everything else under a prefix."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send(too_large(None) if _says_too_large(scope) else unknown_path(), send)


def _prefix(path: str) -> str:
    return next(prefix for prefix in PREFIXES if path.startswith(prefix))


def _says_too_large(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return not value.isdigit() or int(value) > BODY_LIMIT
    return False


async def _break_off(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection without an answer.

    A server that cannot do this sends 504 without a body, which a bank does not read as a refusal.
    """
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        await _send(Reply.of(Answer(504, "", b"")), send)
        return
    abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # what of a body had come before


async def _body(scope: Scope, receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the bank went away before its message was whole")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return body


def _wire(scope: Scope, body: bytes, gate: Gate) -> Wire:
    raw = scope["headers"]  # their names are in lower case: ASGI says so
    headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in raw}
    if len(headers) < len(raw):
        headers = _join_repeated(raw)
    return Wire(
        method=scope["method"],
        target=_target(scope),
        headers=headers,
        body=body,
        source=get_client_address(scope, gate.trusted),
    )


def _join_repeated(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _target(scope: Scope) -> str:
    # As on the wire: what the client signed, before anybody decoded it.
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw_path.partition(b"?")[0].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def _send(reply: Reply, send: Send) -> None:
    body = reply.answer.body
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", b"application/json"))
    headers += [
        (name.lower().encode("ascii"), value.encode("latin-1"))
        for name, value in reply.headers.items()
    ]
    await send(
        {"type": "http.response.start", "status": reply.answer.http_status, "headers": headers}
    )
    await send({"type": "http.response.body", "body": body})
