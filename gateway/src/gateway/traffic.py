"""One line and the figures of each request that is forwarded.

The kit's request context does this for our own routes; what is forwarded passes outside of it.
"""

import time

from starlette.types import Message, Scope, Send

from perisai_kit.access import method_of, record_answered
from perisai_kit.middleware import ID_HEADER as ID_HEADER
from perisai_kit.middleware import request_id_of


class Passage:
    """One request on its way through us.

    service: ours, as logs and metrics call it. route: the address without ids. account_id: set
    once it is known.
    """

    __slots__ = ("_method", "_send", "_started", "_status", "account_id", "request_id", "route")

    def __init__(self, scope: Scope, send: Send, *, route: str) -> None:
        self.route = route
        self.request_id = request_id_of(scope)
        self.account_id: str | None = None
        self._method = method_of(scope["method"])
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
            self._status = message["status"]
            message["headers"].append((ID_HEADER, self.request_id.encode()))
        await self._send(message)

    def record(self, service: str) -> None:
        """Count the request and write its line; one that never got an answer is counted as 499."""
        record_answered(
            service=service,
            event="http.forwarded",
            method=self._method,
            route=self.route,
            status=self._status or 499,
            seconds=time.perf_counter() - self._started,
            request_id=self.request_id,
            account_id=self.account_id,
        )
