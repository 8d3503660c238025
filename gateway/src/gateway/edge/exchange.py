"""One request at the edge: its id, the answer's head, refusals, and the line it leaves behind.

The kit's request context does this for our own routes; what is relayed or refused here never
comes to it.
"""

import json
import time

from starlette.requests import Request
from starlette.types import Message, Scope, Send

from gateway.edge.connection import Headers
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.access_log import ID_HEADER, method_of, record_answered, request_id_of
from perisai_kit.http.problems import MEDIA_TYPE, language, problem_body, problem_headers
from perisai_kit.http.protocol import ABORT

WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
"""Methods whose wrong fields are parameters."""


class Exchange:
    """A request on its way through us.

    route: the address without ids. account_id: set once it is known. headers: more of the answer's.
    is_recorded: whether our own routes leave the line behind.
    """

    __slots__ = (
        "_scope",
        "_send",
        "_started",
        "_status",
        "account_id",
        "headers",
        "is_recorded",
        "request_id",
        "route",
    )

    def __init__(self, scope: Scope, send: Send, *, route: str) -> None:
        self.route = route
        self.request_id = request_id_of(scope)
        self.account_id: str | None = None
        self.headers: Headers = []
        self.is_recorded = False
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._status = 0

    @property
    def has_begun(self) -> bool:
        """Whether the answer has begun."""
        return self._status != 0

    async def send(self, message: Message) -> None:
        """Send on, with the request's id in the answer's head."""
        if message["type"] == "http.response.start":
            message["headers"].append((ID_HEADER, self.request_id.encode()))
            self._status = message["status"]
        await self._send(message)

    async def send_as_is(self, message: Message) -> None:
        """Send on what our own routes answer, which carries the request's id already."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    async def refuse(self, error: DomainError) -> None:
        """Answer with a problem."""
        has_body = self._scope["method"] not in WITHOUT_BODY
        problem = problem_body(error, language=language(Request(self._scope)), has_body=has_body)
        problem["request_id"] = self.request_id
        content = json.dumps(problem, ensure_ascii=False).encode()
        own = [
            (name.lower().encode(), text.encode()) for name, text in problem_headers(error).items()
        ]
        head = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(content)),
            *own,
            *self.headers,
        ]
        status: int = problem["status"]
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": content})

    def cut(self) -> None:
        """Close the client's connection, so that half an answer is not taken for a whole one.

        Raises: ConnectionAbortedError where the server offers no other way.
        """
        abort = self._scope.get("extensions", {}).get(ABORT)
        if abort is None:
            raise ConnectionAbortedError
        abort()

    def record(self, service: str) -> None:
        """Count the request and write its line; one that never got an answer is counted as 499."""
        if self.is_recorded:
            return
        record_answered(
            service=service,
            event="http.forwarded",
            method=method_of(self._scope["method"]),
            route=self.route,
            status=self._status or 499,
            seconds=time.perf_counter() - self._started,
            request_id=self.request_id,
            account_id=self.account_id,
        )
