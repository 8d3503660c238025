"""What an answer shows: its objects and its persons.

A service records in its transaction the objects of an answer (`record_shown`), so that a replay of
the stored answer requires that they are still visible. It sets the rule of visibility for each kind
in `Kit.visibility_checks`.

The persons of an answer (`audit_read`) are recorded as read, in one row a request. A 304 leaves the
same row: the answer is made first and left out afterwards.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.http.body import JsonRoute
from perisai_kit.privacy.read_audit import ReadAudit, collect_read_persons

SHOWN = "shown"
"""The key in `session.info` for the objects of the answer."""

VisibilityCheck = Callable[[AsyncSession, Principal, Sequence[uuid.UUID]], Awaitable[None]]
"""Raises NotFound if the principal may not see all of these."""


def record_shown(session: AsyncSession, *, kind: str, ids: Sequence[uuid.UUID]) -> None:
    """Record objects of the answer of this transaction. kind: such as `member`."""
    session.info.setdefault(SHOWN, {}).setdefault(kind, set()).update(ids)


def get_shown(session: AsyncSession) -> dict[str, list[uuid.UUID]]:
    """Return the objects of the answer of this transaction, ids by kind."""
    return {kind: sorted(ids) for kind, ids in session.info.get(SHOWN, {}).items()}


class ReadRoute(JsonRoute):
    """A route without a transaction, such as one with a `ReadSession`, whose reading is recorded.

    The record is committed before the answer is sent. `TransactionRoute` has its own way.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            with collect_read_persons() as persons:
                response = await handler(request)
            if response.status_code < 400 and (audit := build_read_audit(request, persons)):
                # A request that held two connections could wait for others that do the same.
                if (reading := getattr(request.state, "read_session", None)) is not None:
                    await reading.close()
                async with request.app.state.kit.database.begin() as session:
                    session.add(audit)
            return response

        return handle


def build_read_audit(request: Request, persons: Collection[uuid.UUID]) -> ReadAudit | None:
    """Return the row of a request whose answer shows these persons.

    None where it shows nobody but the reader.
    """
    if not persons:
        return None
    reader: Principal = request.state.principal
    others = {*persons} - list_person_ids(reader)
    if not others:
        return None
    scope = reader.scope
    return ReadAudit(
        at=clock.now(),
        account_id=reader.account_id,
        client_id=reader.client_id,
        request_id=str(request.state.request_id),
        kind=f"{request.method} {request.scope['route'].path}",
        ids=sorted(others),
        roles=sorted(reader.roles),
        scope_kind=None if scope is None else scope.kind,
        scope_code=None if scope is None else scope.code,
        agent_id=reader.agent_id,
        wadah_id=reader.wadah_id,
    )


def list_person_ids(principal: Principal) -> set[uuid.UUID]:
    """Return the ids under which reads of the principal's own data are recorded."""
    ids = (principal.account_id, principal.member_id, principal.agent_id)
    return {each for each in ids if each is not None}
