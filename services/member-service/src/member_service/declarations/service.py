"""Declarations of work: written once, never changed."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.declarations import queries, rules
from member_service.declarations.models import WorkDeclaration
from member_service.declarations.rules import DeclarationIdTaken
from member_service.declarations.schemas import NewWorkDeclaration, StatedWork
from member_service.members import service as members
from member_service.members.rules import MemberNotFound, Stamp, may_read_identity
from member_service.registrations.rules import Declaration
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.errors import together
from perisai_kit.domain.ids import new_id

DECLARATIONS_SHOWN = 100


async def record(session: AsyncSession, given: Mapping[UUID, StatedWork], stamp: Stamp) -> None:
    """Write the declarations of new members, by member id; at least one."""
    rows = [
        {
            "id": new_id(),
            "member_id": member_id,
            "declared_on": declaration.declared_on,
            "made_by": stamp.account_id,
            "made_at": stamp.at,
        }
        for member_id, declaration in given.items()
    ]
    await queries.insert_declarations(session, rows)


async def declare_work(
    session: AsyncSession, *, member_id: UUID, new: NewWorkDeclaration, viewer: Principal
) -> WorkDeclaration:
    """Record a statement that the member works. A repeat with the same id changes nothing.

    Raises: MemberNotFound, NotWorking, DeclaredInFuture, DeclarationIdTaken.
    """
    member = await members.see(session, member_id=member_id, viewer=viewer)
    if not may_read_identity(viewer, member):
        raise MemberNotFound
    problems = rules.find_work_problems(
        working=new.working, declared_on=new.declared_on, now=clock.now()
    )
    if problems:
        raise together(problems)
    declaration_id = new.id or new_id()
    row = WorkDeclaration(
        id=declaration_id,
        member_id=member_id,
        declared_on=new.declared_on,
        made_by=viewer.account_id,
        made_at=clock.now(),
    )
    made = await insert_once(session, row)
    first = made or await queries.find_declaration(session, declaration_id)
    if first is None or (first.member_id, first.declared_on) != (member_id, new.declared_on):
        raise DeclarationIdTaken(field="id")
    return first


async def list_declarations(
    session: AsyncSession, *, member_id: UUID, viewer: Principal
) -> Sequence[WorkDeclaration]:
    """Return a member's newest working-status declarations.

    Raises: MemberNotFound.
    """
    await members.see(session, member_id=member_id, viewer=viewer)
    return await queries.list_declarations(session, member_id, limit=DECLARATIONS_SHOWN)


async def list_by_member(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[Declaration]]:
    """Return the declarations of members by member id, for the calendar."""
    return await queries.list_by_member(session, member_ids)
