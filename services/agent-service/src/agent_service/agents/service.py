"""Agents in office: activated by an approved application, suspended, reinstated, dismissed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agent_wadahs import queries as moves
from agent_service.agent_wadahs import service as agent_wadahs
from agent_service.agent_wadahs.models import WadahMove
from agent_service.agent_wadahs.rules import CancelReason
from agent_service.agents import queries, rules
from agent_service.agents.models import Agent, AgentChange
from agent_service.agents.rules import (
    AgentStatus,
    Appointment,
    Decision,
    DismissalReason,
    Person,
    SuspensionReason,
)
from agent_service.agents.schemas import NewDismissal, NewReinstatement, NewSuspension
from agent_service.branches import service as branches
from agent_service.history import make_change_columns
from agent_service.wadahs import service as wadahs
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
)
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import audit_read

AtWork = TypeVar("AtWork", AgentActivated, AgentReinstated)
Away = TypeVar("Away", AgentSuspended, AgentDismissed)


@dataclass(frozen=True, slots=True)
class Described:
    """planned_move: the approved move to another wadah that has not begun."""

    agent: Agent
    history: Sequence[AgentChange]
    planned_move: WadahMove | None


def make_person(principal: Principal) -> Person:
    """Return the identities of a subject, to detect decisions about themselves."""
    members = frozenset({principal.member_id} if principal.member_id else ())
    return Person(principal.account_id, members, principal.agent_id)


async def check_may_apply(session: AsyncSession, *, nik_hash: bytes, account_id: UUID) -> None:
    """Check that person and account may become an agent: no agent yet, not waiting, not barred.

    Only the account of the former agent learns of a wait. Others always get AgentExists, so that
    they do not learn the reason.
    Raises: AgentExists, ReinstatementTooEarly.
    """
    records = await queries.list_records(session, nik_hash=nik_hash, account_id=account_id)
    try:
        rules.check_new_registration(records, clock.today())
    except rules.ReinstatementTooEarly:
        if account_id not in {each.account_id for each in records}:
            raise rules.AgentExists from None
        raise


async def activate(
    session: AsyncSession, new: Appointment, *, by: Principal, keyring: Keyring
) -> Agent:
    """Make an approved applicant an agent, and publish it.

    Write the agent before locking the wadah, as in every change of an agent.
    Raises: AgentExists, ReinstatementTooEarly, WadahNotActive.
    """
    now = clock.now()
    today = jakarta_date(now)
    nik_hash = keyring.lookup("nik", new.nik)
    records = await queries.list_records(session, nik_hash=nik_hash, account_id=new.account_id)
    rules.check_new_registration(records, today)
    code = rules.make_agent_code(await queries.take_next_number(session))
    row = Agent(
        id=new_id(),
        agent_code=code,
        application_id=new.application_id,
        account_id=new.account_id,
        member_id=new.member_id,
        first_wadah_id=new.wadah_id,
        branch_code=new.branch_code,
        region_code=new.region_code,
        assignment_letter_number=new.assignment_letter_number
        or rules.make_assignment_letter_number(code, today),
        nik=new.nik,
        nik_hash=nik_hash,
        full_name=new.full_name,
        status=AgentStatus.ACTIVE,
        in_office_since=today,
        activated_at=now,
    )
    agent = await insert_once(session, row)
    if agent is None:
        raise rules.AgentExists
    await session.refresh(agent, ["wadah_id"])
    await wadahs.lock_active(session, new.wadah_id, on=today)
    await update_agent_count(session, new.wadah_id)
    _record_change(session, agent, None, by=by, at=now)
    await publish(session, _make_at_work_event(AgentActivated, agent, at=now))
    return agent


async def suspend(
    session: AsyncSession, agent_id: UUID, new: NewSuspension, *, by: Principal, wait_months: int
) -> Described:
    """Suspend an agent, who may not act until the reinstatement. A planned move is cancelled.

    wait_months: the least length of a suspension for inactivity.
    Raises: AgentNotFound, BranchOutOfScope, OwnCase, AgentStatusConflict.
    """
    agent = await lock_to_decide(session, agent_id, by)
    now = clock.now()
    until = rules.find_reinstatement_day(new.reason_code, jakarta_date(now), wait_months)
    await _change_status(
        session, agent, AgentStatus.SUSPENDED, new.reason_code, new.reason, by=by, at=now
    )
    await agent_wadahs.cancel_of_agent(
        session, agent.id, CancelReason.AGENT_SUSPENDED, by=by, at=now
    )
    agent.reinstatement_not_before = rules.find_later(agent.reinstatement_not_before, until)
    await publish(session, _make_away_event(AgentSuspended, agent, new.reason_code, at=now))
    return await _describe(session, agent)


async def reinstate(
    session: AsyncSession, agent_id: UUID, new: NewReinstatement, *, by: Principal
) -> Described:
    """Reinstate a suspended agent whose wadah is active.

    Raises: AgentNotFound, BranchOutOfScope, OwnCase, AgentStatusConflict, ReinstatementTooEarly,
    WadahNotActive.
    """
    agent = await lock_to_decide(session, agent_id, by)
    rules.check_next(agent.status, AgentStatus.ACTIVE)
    now = clock.now()
    today = jakarta_date(now)
    records = await queries.list_records(
        session, nik_hash=agent.nik_hash, account_id=agent.account_id
    )
    rules.check_wait(records, today)
    await wadahs.lock_active(session, agent.wadah_id, on=today)
    await _change_status(session, agent, AgentStatus.ACTIVE, None, new.reason, by=by, at=now)
    agent.in_office_since, agent.reinstatement_not_before = today, None
    await publish(session, _make_at_work_event(AgentReinstated, agent, at=now))
    return await _describe(session, agent)


async def dismiss(
    session: AsyncSession, agent_id: UUID, new: NewDismissal, *, by: Principal
) -> Described:
    """Dismiss an agent, for good. After fraud, crime or gratification they never return.

    The record keeps a wait after inactivity, which still binds the person.
    Raises: AgentNotFound, BranchOutOfScope, OwnCase, AgentStatusConflict.
    """
    agent = await lock_to_decide(session, agent_id, by)
    now = clock.now()
    await _change_status(
        session, agent, AgentStatus.DISMISSED, new.reason_code, new.reason, by=by, at=now
    )
    await agent_wadahs.cancel_of_agent(
        session, agent.id, CancelReason.AGENT_DISMISSED, by=by, at=now
    )
    await publish(session, _make_away_event(AgentDismissed, agent, new.reason_code, at=now))
    return await _describe(session, agent)


async def get_visible(session: AsyncSession, agent_id: UUID, *, principal: Principal) -> Agent:
    """Return an agent whom the subject may see. Raises: AgentNotFound."""
    agent = await queries.get_visible(session, agent_id, queries.is_visible_to(principal))
    _audit_read([agent])
    return agent


async def may_see(session: AsyncSession, principal: Principal, person_id: UUID) -> bool:
    """Tell whether the subject may see the agent with this id, member or account."""
    return await queries.is_visible(session, person_id, queries.is_visible_to(principal))


async def get_own(session: AsyncSession, principal: Principal) -> Agent:
    """Return the agent who is signed in. Raises: AgentNotFound."""
    if principal.agent_id is None:
        raise rules.AgentNotFound
    return await get_visible(session, principal.agent_id, principal=principal)


async def describe(session: AsyncSession, agent_id: UUID, *, principal: Principal) -> Described:
    """Return one agent with the history of changes.

    Raises: AgentNotFound, also for an agent the subject may not see.
    """
    return await _describe(session, await get_visible(session, agent_id, principal=principal))


async def list_visible(
    session: AsyncSession,
    *,
    principal: Principal,
    status: AgentStatus | None,
    wadah_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[Agent]:
    """Return one page of the agents a subject may see."""
    rows = await queries.list_page(
        session,
        seen=queries.is_visible_to(principal),
        status=status,
        wadah_id=wadah_id,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    _audit_read(page.items)
    return page


async def list_named(session: AsyncSession, agent_ids: Sequence[UUID]) -> Sequence[Agent]:
    """Return the agents among these ids for another service, and record the reading of names."""
    found = await queries.list_by_ids(session, agent_ids)
    _audit_read(found)
    return found


async def list_decisions(session: AsyncSession, agent_id: UUID) -> Sequence[Decision]:
    """Return every change of an agent's status, the oldest first."""
    return await queries.list_decisions(session, agent_id)


async def find_by_application(session: AsyncSession, application_id: UUID) -> UUID | None:
    """Return the id of the agent that an application has made, or None."""
    agent = await queries.find_by_application(session, application_id)
    return agent.id if agent else None


def _audit_read(agents: Sequence[Agent]) -> None:
    """Record the reading under every id of an agent: former agents have only their account."""
    audit_read(id_ for each in agents for id_ in (each.id, each.member_id, each.account_id))


async def lock_to_decide(session: AsyncSession, agent_id: UUID, by: Principal) -> Agent:
    """Lock and return an agent about whom the subject decides.

    Raises: AgentNotFound, BranchOutOfScope, OwnCase.
    """
    agent = await queries.lock_visible(session, agent_id, queries.is_visible_to(by))
    _audit_read([agent])
    branches.check_in_scope(by, branch_code=agent.branch_code, region_code=agent.region_code)
    subject = Person(agent.account_id, frozenset({agent.member_id}), agent.id)
    rules.check_not_own(subject, by=make_person(by))
    return agent


async def _change_status(
    session: AsyncSession,
    agent: Agent,
    to: AgentStatus,
    reason_code: str | None,
    reason: str,
    *,
    by: Principal,
    at: datetime,
) -> None:
    rules.check_next(agent.status, to)
    before, agent.status, agent.reason_code = agent.status, to, reason_code
    _record_change(session, agent, before, by=by, at=at, reason=reason)
    await session.flush()
    await wadahs.lock(session, agent.wadah_id)
    await update_agent_count(session, agent.wadah_id)


async def update_agent_count(session: AsyncSession, wadah_id: UUID) -> None:
    """Store the number of active agents of a locked wadah.

    Under the lock, so that concurrent changes see each other.
    """
    await wadahs.set_agent_count(session, wadah_id, await queries.count_active(session, wadah_id))


def _record_change(
    session: AsyncSession,
    agent: Agent,
    before: AgentStatus | None,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
) -> None:
    columns = make_change_columns(agent, before, by=by, at=at, reason=reason)
    session.add(AgentChange(agent_id=agent.id, **columns))


def _make_at_work_event(kind: type[AtWork], agent: Agent, *, at: datetime) -> AtWork:
    return kind(
        agent_id=agent.id,
        account_id=agent.account_id,
        member_id=agent.member_id,
        wadah_id=agent.wadah_id,
        branch_code=agent.branch_code,
        region_code=agent.region_code,
        agent_code=agent.agent_code,
        decided_at=at,
    )


def _make_away_event(
    kind: type[Away], agent: Agent, reason: SuspensionReason | DismissalReason, *, at: datetime
) -> Away:
    return kind(
        agent_id=agent.id, account_id=agent.account_id, reason_code=reason.value, decided_at=at
    )


async def _describe(session: AsyncSession, agent: Agent) -> Described:
    await session.flush()
    return Described(
        agent,
        await queries.list_changes(session, agent.id),
        await moves.find_planned(session, agent.id),
    )
