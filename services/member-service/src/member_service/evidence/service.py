"""Evidence on whether members were registered as BPU before."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.evidence import queries, rules
from member_service.evidence.models import Evidence
from member_service.evidence.schemas import NewEvidence
from member_service.members import service as members
from member_service.members.rules import NewToBpuBasis, Stamp, find_basis_problem
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def record_first(
    session: AsyncSession,
    given: Mapping[UUID, tuple[bool, NewToBpuBasis | None]],
    stamp: Stamp,
) -> None:
    """Record what was declared at enrolment, by member id; at least one."""
    rows = [
        {
            "id": new_id(),
            "member_id": member_id,
            "new_to_bpu": new_to_bpu,
            "basis": basis,
            "recorded_by": stamp.account_id,
            "recorded_at": stamp.at,
        }
        for member_id, (new_to_bpu, basis) in given.items()
    ]
    await queries.insert_evidence(session, rows)


async def record(
    session: AsyncSession, *, member_id: UUID, new: NewEvidence, officer: Principal
) -> Evidence:
    """Record later evidence, which decides from now on. A repeat with the same id changes nothing.

    Raises: MemberNotFound, NewToBpuBasisMissing, EvidenceIdTaken.
    """
    member = await members.lock(session, member_id=member_id, viewer=officer)
    problem = find_basis_problem(new_to_bpu=new.new_to_bpu, basis=new.basis, field="basis")
    if problem is not None:
        raise problem
    evidence_id = new.id or new_id()
    row = Evidence(
        id=evidence_id,
        member_id=member.id,
        new_to_bpu=new.new_to_bpu,
        basis=new.basis,
        recorded_by=officer.account_id,
        recorded_at=clock.now(),
    )
    made = await insert_once(session, row)
    found = made or await queries.find_evidence(session, evidence_id)
    wanted = (member.id, new.new_to_bpu, new.basis)
    if found is None or (found.member_id, found.new_to_bpu, found.basis) != wanted:
        raise rules.EvidenceIdTaken(field="id")
    if made is not None:
        member.new_to_bpu, member.new_to_bpu_basis = new.new_to_bpu, new.basis
        await session.flush()
    return found


async def list_(session: AsyncSession, *, member_id: UUID, viewer: Principal) -> Sequence[Evidence]:
    """Return the evidence of a member, the oldest first.

    Raises: MemberNotFound.
    """
    await members.see(session, member_id=member_id, viewer=viewer)
    return await queries.list_evidence(session, [member_id])


async def list_new_to_bpu(
    session: AsyncSession, member_ids: Collection[UUID], *, bases: Collection[str]
) -> frozenset[UUID]:
    """Return the members who were never registered before. bases: the sources that suffice."""
    last = await queries.list_last(session, member_ids)
    return frozenset(
        member_id
        for member_id, is_new, basis in last
        if is_new and basis is not None and basis.value in bases
    )
