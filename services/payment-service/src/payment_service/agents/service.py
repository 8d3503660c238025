"""Store the decisions of agent-service on agents and wadahs; they may arrive in any order."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import queries
from payment_service.agents.models import AgentDecision, WadahAgreement, WadahTermination
from payment_service.agents.rules import Decision
from perisai_kit.events.catalogue import (
    AgentAtWork,
    AgentDecided,
    AgentMoved,
    WadahAgreementSigned,
    WadahTerminated,
)


async def take_decisions(
    session: AsyncSession, events: Sequence[AgentDecided]
) -> list[tuple[UUID, Decision]]:
    """Store decisions on agents, and return them."""
    decisions = [(each.agent_id, _decision(each)) for each in events]
    rows = [
        {"agent_id": agent_id, "decided_at": each.decided_at, "is_at_work": each.is_at_work}
        for agent_id, each in decisions
    ]
    await queries.insert_once(session, AgentDecision, rows)
    return decisions


async def take_moves(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    """Store the moves of agents to other wadahs."""
    await queries.upsert_moves(session, events)


def wadah_on(agent_id: Any, on: date, *, otherwise: Any) -> ColumnElement[UUID]:
    """Return, for work on sets, the wadah of an agent on a day. otherwise: without a move."""
    return queries.wadah_on(agent_id, on, otherwise=otherwise)


async def take_agreements(session: AsyncSession, events: Sequence[WadahAgreementSigned]) -> None:
    """Store the agreements of wadahs."""
    names = ("agreement_id", "wadah_id", "starts_on", "ends_on", "pays")
    rows = [{name: getattr(each, name) for name in names} for each in events]
    await queries.insert_once(session, WadahAgreement, rows)


async def take_terminations(session: AsyncSession, events: Sequence[WadahTerminated]) -> None:
    """Store the ends of cooperations with wadahs."""
    rows = [{"wadah_id": each.wadah_id, "decided_at": each.decided_at} for each in events]
    await queries.insert_once(session, WadahTermination, rows)


async def find_decisions(
    session: AsyncSession, agent_ids: Collection[UUID]
) -> dict[UUID, list[Decision]]:
    """Return what was decided on each of these agents; nothing for those without decisions."""
    return await queries.find_decisions(session, agent_ids)


def held_reason(
    wadah_id: ColumnElement[Any],
    *,
    on: date | ColumnElement[date],
    until: ColumnElement[datetime] | None = None,
) -> ColumnElement[str | None]:
    """Return, for work on sets, why the incentive of a wadah is held on a day; else NULL.

    until: the instant up to which a termination counts; None: whenever it was.
    """
    return queries.held_reason(wadah_id, on=on, until=until)


def agreed_payment(
    wadah_id: ColumnElement[Any], *, on: ColumnElement[date]
) -> ColumnElement[str | None]:
    """Return, for work on sets, who is paid by the agreement in force on a day; else NULL."""
    return queries.agreed_payment(wadah_id, on=on)


def _decision(event: AgentDecided) -> Decision:
    return Decision(event.decided_at, isinstance(event, AgentAtWork))
