"""Hold what is stated and must not be paid yet, until two people release or forfeit it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds import queries, rules
from payment_service.incentive_holds.models import HeldStatement, HoldProposal, IncentiveHold
from payment_service.incentive_holds.queries import Left, StatementColumn, StatementHold, ToHold
from payment_service.incentive_holds.rules import (
    HoldKind,
    HoldProposalStatus,
    HoldReason,
    HoldStatus,
    HoldVerdict,
)
from payment_service.ledger import rules as ledger_rules
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import Booked, Cause, CauseKind, TransferCode
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.at_work import DISMISSED_FOR_CAUSE
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AgentDismissed
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class Held:
    """A hold with what it holds, and the proposal that waits for a decision.

    deducted: what of a statement made up for debts, unless it was released, in rupiah.
    """

    hold: IncentiveHold
    statements: Sequence[HeldStatement]
    open_proposal_id: UUID | None
    deducted: Mapping[UUID, int]

    @property
    def amount(self) -> int:
        """What it holds, in rupiah."""
        return sum(each.amount for each in self.statements)


async def take_dismissals(session: AsyncSession, events: Sequence[AgentDismissed]) -> list[UUID]:
    """Store dismissals for fraud, crime or gratification; return the agents."""
    for_cause = [each for each in events if each.reason_code in DISMISSED_FOR_CAUSE]
    rows = [
        {
            "agent_id": each.agent_id,
            "decided_at": each.decided_at,
            "reason": HoldReason(each.reason_code),
        }
        for each in for_cause
    ]
    if rows:
        await queries.insert_dismissals(session, rows)
    return [each.agent_id for each in for_cause]


async def hold(session: AsyncSession, statements: Select[Any], *, at: datetime) -> None:
    """Hold those of these statements that are of an agent dismissed for cause, or of a wadah that
    may not be paid, unless they are held or forfeited already.

    One transaction holds at a time: a dismissal and a closing at once miss no statement. Locks the
    open holds of agents.
    statements: statement_id, month, beneficiary_kind, beneficiary_id, wadah_id, branch_code,
    region_code, held_reason, payable in rupiah.
    """
    await queries.lock_holding(session)
    holds = await queries.lock_open_holds(session)
    found = await queries.list_to_hold(session, statements)
    new = []
    held = []
    for each in found:
        # A wadah has a hold for each statement, an agent one for all.
        key = each.beneficiary_id if each.dismissed_at else each.statement_id
        if key not in holds:
            holds[key] = new_id()
            new.append(_hold_row(holds[key], each, at))
        held.append(
            {
                "hold_id": holds[key],
                "statement_id": each.statement_id,
                "month": each.month,
                "amount": each.payable,
                "held_at": at,
            }
        )
    if new:
        await queries.insert_holds(session, new)
    if held:
        await queries.insert_held(session, held)


async def are_dismissed(session: AsyncSession, agent_ids: Collection[UUID]) -> bool:
    """Tell whether one of these agents was dismissed for cause, and nobody released it since.

    What was under way to a bank then has no hold yet.
    """
    return await queries.are_frozen(session, agent_ids)


async def find_statement_holds(
    session: AsyncSession, statement_ids: Collection[UUID]
) -> dict[UUID, StatementHold]:
    """Return the last hold on each of these statements; nothing for those never held."""
    return await queries.find_statement_holds(session, statement_ids) if statement_ids else {}


def is_free(statement_id: StatementColumn) -> ColumnElement[bool]:
    """Return, for work on sets, whether a statement is neither held nor forfeited."""
    return queries.is_free(statement_id)


async def get(session: AsyncSession, principal: Principal, hold_id: UUID) -> Held:
    """Return a hold the subject may see. Raises: IncentiveHoldNotFound."""
    condition = visible_earnings(principal, IncentiveHold)
    found = await queries.find_hold(session, hold_id, condition)
    if found is None:
        raise rules.IncentiveHoldNotFound
    return await _read(session, found)


async def list_holds(
    session: AsyncSession,
    principal: Principal,
    *,
    status: HoldStatus | None,
    kind: HoldKind | None,
    beneficiary_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[Held]:
    """Return the holds the subject may see, the oldest first. Raises: CursorInvalid."""
    rows = await queries.list_holds(
        session,
        visible_earnings(principal, IncentiveHold),
        status=status,
        kind=kind,
        beneficiary_id=beneficiary_id,
        after_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    ids = [each.id for each in page.items]
    held = await queries.list_held(session, ids)
    waiting = await queries.find_open_proposals(session, ids)
    items = [
        await _make_held(session, each, held.get(each.id, []), waiting.get(each.id))
        for each in page.items
    ]
    return Slice(items, page.next_cursor)


async def propose(
    session: AsyncSession, hold_id: UUID, *, verdict: HoldVerdict, by: UUID
) -> HoldProposal:
    """Propose to release or forfeit all that a hold holds; another person decides.

    Raises: IncentiveHoldNotFound, IncentiveHoldDecided, HoldProposalOpen.
    """
    found = await _lock(session, hold_id)
    proposal = await queries.insert_once_proposal(
        session,
        HoldProposal(
            id=new_id(),
            hold_id=hold_id,
            verdict=verdict,
            amount=found.amount,
            status=HoldProposalStatus.PROPOSED,
            proposed_by=by,
            proposed_at=clock.now(),
        ),
    )
    if proposal is None:
        raise rules.HoldProposalOpen
    return proposal


async def list_proposals(
    session: AsyncSession, principal: Principal, hold_id: UUID
) -> Sequence[HoldProposal]:
    """Return the proposals for a hold, the oldest first. Raises: IncentiveHoldNotFound."""
    await get(session, principal, hold_id)
    return await queries.list_proposals(session, hold_id)


async def lock_proposal(session: AsyncSession, hold_id: UUID, proposal_id: UUID) -> HoldProposal:
    """Lock a proposal for a hold. Raises: HoldProposalNotFound."""
    proposal = await queries.lock_proposal(session, hold_id, proposal_id)
    if proposal is None:
        raise rules.HoldProposalNotFound
    return proposal


async def lock_forfeited(session: AsyncSession, hold_id: UUID) -> Held:
    """Lock a hold that was forfeited.

    Raises: IncentiveHoldNotFound, IncentiveHoldNotForfeited.
    """
    found = await queries.lock_hold(session, hold_id)
    if found is None:
        raise rules.IncentiveHoldNotFound
    rules.check_forfeited(found.status)
    return await _read(session, found)


async def reverse_forfeit(session: AsyncSession, hold_id: UUID) -> IncentiveHold:
    """Owe again what a hold forfeited, by the opposite transfers; it is released from now on.

    The debts that it made up for are owed again too. The caller has locked debts.
    Raises: IncentiveHoldNotFound, IncentiveHoldNotForfeited.
    """
    found = await lock_forfeited(session, hold_id)
    today = clock.today()
    for each in found.statements:
        cause = Cause(CauseKind.STATEMENT, each.statement_id)
        *_, forfeit = (  # earlier ones were taken back
            booked
            for booked in await ledger.list_of_cause(session, cause)
            if booked.code == TransferCode.INCENTIVE_FORFEITED
        )
        await ledger.correct(session, forfeit, business_on=today)
    for set_off_id in await queries.list_set_offs(session, hold_id=hold_id):
        cause = Cause(CauseKind.FORFEIT_SET_OFF, set_off_id)
        booked, *_ = await ledger.list_of_cause(session, cause)
        await ledger.correct(session, booked, business_on=today)
    found.hold.status, found.hold.decided_at = HoldStatus.RELEASED, clock.now()
    await session.flush()
    return found.hold


async def end(
    session: AsyncSession, hold_id: UUID, *, verdict: HoldVerdict, amount: int, at: datetime
) -> IncentiveHold:
    """Release or forfeit all that an open hold holds. What is forfeited is owed no more.

    amount: what two people agreed on, in rupiah.
    Raises: IncentiveHoldNotFound, IncentiveHoldDecided, IncentiveHoldChanged.
    """
    found = await _lock(session, hold_id)
    rules.check_same(proposed=amount, amount=found.amount)
    if verdict is HoldVerdict.FORFEIT:
        await _forfeit(session, found)
    found.hold.status, found.hold.decided_at = rules.OUTCOMES[verdict], at
    await session.flush()
    return found.hold


async def list_left(
    session: AsyncSession, *, beneficiary_ids: Collection[UUID] | None = None
) -> list[Left]:
    """Return what is left of statements that are held or forfeited. beneficiary_ids: None: of all.

    By beneficiary, what is forfeited first, of that the earliest month first.
    """
    return await queries.list_left(session, beneficiary_ids=beneficiary_ids)


async def set_off_debts(
    session: AsyncSession, left: Sequence[Left], debts: Mapping[UUID, int]
) -> None:
    """Take debts out of what is held or was forfeited, in the order of `left`.

    What is only held is booked when it is forfeited; released, it makes up for nothing any more.
    left: of `list_left`. debts: rupiah by beneficiary; the caller has locked them.
    """
    rows, forfeited, now = [], dict[UUID, Month](), clock.now()
    for beneficiary_id, group in groupby(left, key=lambda each: each.beneficiary_id):
        own = list(group)
        amounts = rules.set_off([each.amount for each in own], debts.get(beneficiary_id, 0))
        for each, amount in zip(own, amounts, strict=True):
            if not amount:
                continue
            id_ = new_id()
            rows.append(
                {
                    "id": id_,
                    "hold_id": each.hold_id,
                    "statement_id": each.statement_id,
                    "beneficiary_id": beneficiary_id,
                    "amount": amount,
                    "booked_at": now,
                }
            )
            if each.is_forfeited:
                forfeited[id_] = each.month
    if rows:
        await queries.insert_set_offs(session, rows)
        await _book_set_offs(session, list(forfeited), set(forfeited.values()))


async def find_deducted(session: AsyncSession, statement_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return what of statements that are held or forfeited made up for debts, in rupiah.

    Of those with any.
    """
    return await queries.sum_by_statement(session, statement_ids) if statement_ids else {}


async def list_postings(session: AsyncSession, statement_id: UUID) -> list[Booked]:
    """Return what was booked where a forfeited statement made up for debts, the oldest first."""
    return [
        booked
        for each in await queries.list_set_offs_of(session, statement_id)
        for booked in await ledger.list_of_cause(session, Cause(CauseKind.FORFEIT_SET_OFF, each))
    ]


async def _forfeit(session: AsyncSession, found: Held) -> None:
    """Take what a hold holds, less what makes up for debts, out of what is owed."""
    months = {each.month for each in found.statements}
    for month in sorted(months):
        await ledger.transfer_rows(
            session,
            queries.owed_in(found.hold.id, month),
            code=TransferCode.INCENTIVE_FORFEITED,
            account=ledger_rules.incentive_expense(month),
            business_on=clock.today(),
            is_anew=True,  # an earlier forfeit of it may have been taken back
        )
    ids = await queries.list_set_offs(session, hold_id=found.hold.id)
    await _book_set_offs(session, ids, months)


async def _book_set_offs(
    session: AsyncSession, ids: Collection[UUID], months: Collection[Month]
) -> None:
    """Book what of forfeited statements of these months makes up for debts."""
    for month in sorted(months) if ids else ():
        await ledger.transfer_rows(
            session,
            queries.set_off_in(month, ids),
            code=TransferCode.INCENTIVE_SET_OFF,
            account=ledger_rules.incentive_expense(month),
            business_on=clock.today(),
        )


async def _lock(session: AsyncSession, hold_id: UUID) -> Held:
    """Lock an open hold, so that nothing is added to it. Raises: as `propose`."""
    found = await queries.lock_hold(session, hold_id)
    if found is None:
        raise rules.IncentiveHoldNotFound
    rules.check_open(found.status)
    return await _read(session, found)


async def _read(session: AsyncSession, found: IncentiveHold) -> Held:
    held = await queries.list_held(session, [found.id])
    waiting = await queries.find_open_proposals(session, [found.id])
    return await _make_held(session, found, held.get(found.id, []), waiting.get(found.id))


async def _make_held(
    session: AsyncSession, hold: IncentiveHold, held: Sequence[HeldStatement], waiting: UUID | None
) -> Held:
    # Not of a released hold: another one may hold its statements since.
    ids = [each.statement_id for each in held if hold.status is not HoldStatus.RELEASED]
    return Held(hold, held, waiting, await find_deducted(session, ids))


def _hold_row(hold_id: UUID, of: ToHold, at: datetime) -> dict[str, Any]:
    copied = ("beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code", "region_code")
    return {
        "id": hold_id,
        "kind": HoldKind.CAUSE if of.dismissed_at else HoldKind.WADAH,
        "reason": HoldReason(of.reason),
        "status": HoldStatus.OPEN,
        **{name: getattr(of, name) for name in copied},
        "dismissed_at": of.dismissed_at,
        "opened_at": at,
    }
