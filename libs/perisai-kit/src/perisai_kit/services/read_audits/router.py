"""Routes of the read audits of one service.

The addresses contain the service, so that they are the same at the gateway and behind it. Each
service answers for its own answers; an app puts the lists of all together.
"""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import Forbidden, NotFound
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page, Slice, cut_page, read_cursor
from perisai_kit.http.problems import problems
from perisai_kit.http.types import AccountId
from perisai_kit.http.visibility import ReadRoute, list_person_ids
from perisai_kit.privacy.read_audit import ReadAudit, audit_read
from perisai_kit.services.kit import Kit
from perisai_kit.services.read_audits import search
from perisai_kit.services.read_audits.wire import (
    OwnReadAuditOut,
    ReadAuditDetailOut,
    ReadAuditOut,
)

PEOPLE = tuple(role for role in Role if role is not Role.SERVICE)
Person = Annotated[Principal, Depends(require(*PEOPLE))]
Auditor = Annotated[Principal, Depends(require(Role.AUDITOR))]
CountryAuditor = Annotated[Principal, Depends(require(Role.AUDITOR, scope=ScopeKind.COUNTRY))]
PersonId = Annotated[
    UUID | None, Query(description="Only what showed this member, agent or account.")
]
ReaderId = Annotated[
    AccountId | None, Query(description="Only what this account read; needs country scope.")
]


class PersonNotFound(NotFound):
    code = "person_not_found"
    text = "There is no such person within your scope. Check the id."
    text_id = "Orang ini tidak ada dalam wilayah Anda. Periksa nomornya."


class ReadAuditNotFound(NotFound):
    code = "read_audit_not_found"
    text = "There is no such record of a reading. Load the list again."
    text_id = "Catatan pembacaan ini tidak ada. Muat ulang daftarnya."


def get_own_read_audits_path(service: str) -> str:
    """Return the address of what a service has shown of the signed-in person."""
    return f"/v1/me/read-audits/{service}"


def get_read_audits_path(service: str) -> str:
    """Return the address of what a service has shown of anybody."""
    return f"/v1/read-audits/{service}"


async def list_own_read_audits(
    person: Person, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[OwnReadAuditOut]:
    """List who else was shown data of yours by this service, newest first.

    It is found under your account and, as the sign-in has them, your member and your agent.
    """
    found = await search.list_of_persons(
        session,
        list_person_ids(person),
        before=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return _cut(found, limit).page(OwnReadAuditOut.of)


async def list_read_audits(
    auditor: Auditor,
    session: ReadSession,
    request: Request,
    *,
    person_id: PersonId = None,
    account_id: ReaderId = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ReadAuditOut]:
    """List what this service has shown of a person within your scope, newest first.

    With country scope also what an account read, or everything. Your reading is recorded.
    """
    kit: Kit = request.app.state.kit
    before = read_cursor(cursor, UUID)
    if person_id is None:
        if not auditor.has_country:
            raise Forbidden
        audit_read([account_id])
        found = await search.list_of_reader(session, account_id, before=before, limit=limit + 1)
        return _cut(found, limit).page(ReadAuditOut.of)
    is_seen = auditor.has_country or await kit.may_see_person(session, auditor, person_id)
    if not is_seen:
        raise PersonNotFound
    if account_id is not None and not auditor.has_country:
        raise Forbidden
    audit_read([person_id, account_id])
    found = await search.list_of_persons(
        session, [person_id], account_id=account_id, before=before, limit=limit + 1
    )
    return _cut(found, limit).page(ReadAuditOut.of)


async def get_read_audit(
    auditor: CountryAuditor,
    session: ReadSession,
    audit_id: Annotated[UUID, Path(description="Id of the record.")],
) -> ReadAuditDetailOut:
    """Show one record with the ids of all persons whose data was shown."""
    row = await session.get(ReadAudit, audit_id)
    if row is None:
        raise ReadAuditNotFound
    audit_read([*row.ids, row.account_id])
    return ReadAuditDetailOut.of(row)


def _cut(rows: Sequence[ReadAudit], limit: int) -> Slice[ReadAudit]:
    return cut_page(rows, limit, key=lambda row: row.id)


def build_read_audit_router(service: str) -> APIRouter:
    """Return the routes of read audits. service: its name, such as `member-service`."""
    router = APIRouter(tags=[f"{service} read audits"], route_class=ReadRoute)
    whole = get_read_audits_path(service)
    router.add_api_route(
        get_own_read_audits_path(service),
        list_own_read_audits,
    )
    router.add_api_route(whole, list_read_audits, responses=problems(PersonNotFound, Forbidden))
    router.add_api_route(
        f"{whole}/{{audit_id}}", get_read_audit, responses=problems(ReadAuditNotFound)
    )
    return router
