"""A journal of all requests, to debug signatures."""

from collections import deque
from collections.abc import Sequence

from pydantic import BaseModel

MAX_ENTRIES = 1000
PERSONAL = frozenset(
    {
        "virtualAccountName",
        "beneficiaryAccountName",
        "beneficiaryAccountNo",
        "sourceAccountNo",
        "accountNo",
        "detailData",
    }
)
"""Fields with personal data or account numbers."""


class Call(BaseModel):
    """One request. The token in `string_to_sign` is masked; token answers are not stored."""

    at: str
    direction: str  # "out": the bank called the platform; "in": the platform called the bank
    partner_id: str | None
    service: str
    external_id: str | None = None
    string_to_sign: str | None = None
    matched_step: str | None = None
    http_status: int | None = None
    response_code: str | None = None
    body: object = None
    error: str | None = None
    reading: str | None = None
    note: str | None = None


class Journal:
    """The last requests, without names and account numbers."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=MAX_ENTRIES)

    def add(self, call: Call) -> Call:
        self._calls.append(call)
        return call

    def newest(self, limit: int) -> Sequence[Call]:
        newest = list(reversed(self._calls))[:limit]
        return [call.model_copy(update={"body": _masked(call.body)}) for call in newest]


def _masked(body: object) -> object:
    if not isinstance(body, dict):
        return body
    return {
        name: "<masked>" if name in PERSONAL and value else _masked(value)
        for name, value in body.items()
    }
