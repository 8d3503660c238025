"""One request at the edge: extra headers of its answer, refusals, aborted answers."""

import json

from starlette.requests import Request
from starlette.types import Scope, Send

from gateway.edge.connection import Headers
from perisai_kit.domain.errors import DomainError
from perisai_kit.http.access_log import RequestRecord
from perisai_kit.http.problems import (
    MEDIA_TYPE,
    build_problem_body,
    build_problem_headers,
    choose_language,
)
from perisai_kit.http.protocol import ABORT

WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
"""Methods without a body: a wrong field of theirs is a parameter."""


class Exchange:
    """A request at the edge. headers: added to the answer."""

    __slots__ = ("_record", "_scope", "headers", "send")

    def __init__(self, scope: Scope, send: Send, record: RequestRecord) -> None:
        self.headers: Headers = record.headers
        self.send = send
        self._record = record
        self._scope = scope

    @property
    def request_id(self) -> str:
        return self._record.request_id

    @property
    def has_begun(self) -> bool:
        """Whether the answer has begun."""
        return self._record.status != 0

    async def refuse(self, error: DomainError) -> None:
        """Answer with a problem."""
        has_body = self._scope["method"] not in WITHOUT_BODY
        problem = build_problem_body(
            error, language=choose_language(Request(self._scope)), has_body=has_body
        )
        problem["request_id"] = self.request_id
        content = json.dumps(problem, ensure_ascii=False).encode()
        own = [
            (name.lower().encode(), text.encode())
            for name, text in build_problem_headers(error).items()
        ]
        head = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(content)),
            *own,
        ]
        status: int = problem["status"]
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": content})

    def cut(self) -> None:
        """Close the client's connection, so that half an answer does not look complete.

        Raises: ConnectionAbortedError if the server offers no `abort`.
        """
        abort = self._scope.get("extensions", {}).get(ABORT)
        if abort is None:
            raise ConnectionAbortedError
        abort()
