from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs.queries import is_among_arrived
from agent_service.agents.models import Agent, AgentChange, agent_numbers
from agent_service.agents.rules import AgentNotFound, AgentRecord, AgentStatus, Decision
from agent_service.scopes import OFFICES, by_office
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.bulk import any_id

MAX_CHANGES = 100
MAX_RECORDS = 100
"""More records than one person can have; it bounds what is read at once."""
MAX_DECISIONS = 1000
"""More decisions than one agent can have; it bounds what is read at once."""


def is_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Return the condition of rows a subject sees: their own, their wadah's, or their scope."""
    seen = [Agent.account_id == principal.account_id]
    if principal.has(*OFFICES):
        seen.append(
            by_office(principal, *OFFICES, branch=Agent.branch_code, region=Agent.region_code)
        )
    if principal.has(Role.WADAH_ADMIN):
        seen.append(is_of_wadah(principal.wadah_id))
    if principal.has(Role.AGENT):
        seen.append(Agent.id == principal.agent_id)
    return or_(*seen)


def is_of_wadah(wadah_id: UUID | None) -> ColumnElement[bool]:
    """Return the condition of agents who belong to a wadah today.

    The first part finds them by indexes: those who began there, and those who moved there.
    """
    near = or_(Agent.first_wadah_id == wadah_id, is_among_arrived(Agent.id, wadah_id))
    return and_(near, Agent.wadah_id == wadah_id)


async def is_visible(session: AsyncSession, person_id: UUID, seen: ColumnElement[bool]) -> bool:
    """Tell whether an agent with this id, member or account is visible."""
    ids = or_(Agent.id == person_id, Agent.member_id == person_id, Agent.account_id == person_id)
    return bool(await session.scalar(select(exists().where(ids, seen))))


async def get_visible(session: AsyncSession, agent_id: UUID, seen: ColumnElement[bool]) -> Agent:
    """Return a visible agent. Raises: AgentNotFound."""
    agent = await session.scalar(select(Agent).where(Agent.id == agent_id, seen))
    if agent is None:
        raise AgentNotFound
    return agent


async def lock_visible(session: AsyncSession, agent_id: UUID, seen: ColumnElement[bool]) -> Agent:
    """Lock and return a visible agent. Raises: AgentNotFound."""
    chosen = select(Agent).where(Agent.id == agent_id, seen).with_for_update(key_share=True)
    agent = await session.scalar(chosen.execution_options(populate_existing=True))
    if agent is None:
        raise AgentNotFound
    return agent


async def list_by_ids(session: AsyncSession, agent_ids: Collection[UUID]) -> Sequence[Agent]:
    """Return the agents among these ids, by id."""
    chosen = select(Agent).where(Agent.id == any_id(agent_ids)).order_by(Agent.id)
    return (await session.scalars(chosen)).all()


async def find_by_application(session: AsyncSession, application_id: UUID) -> Agent | None:
    return await session.scalar(select(Agent).where(Agent.application_id == application_id))


async def list_page(
    session: AsyncSession,
    *,
    seen: ColumnElement[bool],
    status: AgentStatus | None,
    wadah_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Agent]:
    chosen = select(Agent).where(seen)
    if status is not None:
        chosen = chosen.where(Agent.status == status)
    if wadah_id is not None:
        chosen = chosen.where(is_of_wadah(wadah_id))
    if after is not None:
        chosen = chosen.where(Agent.id > after)
    return (await session.scalars(chosen.order_by(Agent.id).limit(limit))).all()


async def list_changes(session: AsyncSession, agent_id: UUID) -> Sequence[AgentChange]:
    """Return the latest changes, the latest first."""
    chosen = select(AgentChange).where(AgentChange.agent_id == agent_id)
    return (await session.scalars(chosen.order_by(AgentChange.id.desc()).limit(MAX_CHANGES))).all()


async def list_decisions(session: AsyncSession, agent_id: UUID) -> Sequence[Decision]:
    """Return every change of an agent's status, the oldest first."""
    chosen = (
        select(AgentChange.changed_at, AgentChange.to_status)
        .where(AgentChange.agent_id == agent_id)
        .order_by(AgentChange.id)
        .limit(MAX_DECISIONS)
    )
    return [Decision(decided_at, status) for decided_at, status in await session.execute(chosen)]


async def list_records(
    session: AsyncSession, *, nik_hash: bytes, account_id: UUID
) -> Sequence[AgentRecord]:
    """Return every record of this person or this account as an agent, newest first."""
    chosen = (
        select(Agent.account_id, Agent.status, Agent.reason_code, Agent.reinstatement_not_before)
        .where(or_(Agent.nik_hash == nik_hash, Agent.account_id == account_id))
        .order_by(Agent.id.desc())
        .limit(MAX_RECORDS)
    )
    return [AgentRecord(*row) for row in await session.execute(chosen)]


async def count_active(session: AsyncSession, wadah_id: UUID) -> int:
    counted = select(func.count()).where(is_of_wadah(wadah_id), Agent.status == AgentStatus.ACTIVE)
    return await session.scalar(counted) or 0


async def take_next_number(session: AsyncSession) -> int:
    return (await session.execute(select(agent_numbers.next_value()))).scalar_one()
