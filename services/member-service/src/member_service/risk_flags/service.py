"""Flag striking acquisitions, set-based after each batch of answers, and list them.

What is compared are keyed hashes of telephones, addresses and the accounts that paid, and who is 60
or more, within an agent's month.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.rules import Limits, RiskThresholds
from member_service.risk_flags import queries, rules
from member_service.risk_flags.models import AcquiredMember, RaisedFlag
from member_service.risk_flags.queries import Acquisition
from member_service.risk_flags.rules import RiskFlag, Traits
from member_service.shared_phones import service as shared_phones
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberRiskFlagged
from perisai_kit.events.outbox import publish
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring


async def take_answers(
    session: AsyncSession,
    allocation_ids: Collection[UUID],
    *,
    keyring: Keyring,
    thresholds: RiskThresholds,
) -> None:
    """Store which of these allocations are acquisitions now, and flag what is alike."""
    found = await queries.list_acquisitions(session, allocation_ids)
    if not found:
        return
    rows = [_acquired_row(each, keyring) for each in found]
    await queries.upsert_acquired(session, rows)
    acquired = [AcquiredMember(**row) for row in rows if row["agent_id"]]
    if acquired:
        await _flag_alike(session, acquired, thresholds)


async def take_lapses(session: AsyncSession, registration_ids: Collection[UUID]) -> None:
    """Flag the acquisitions whose registration lapsed with only one month paid."""
    found = await queries.list_lapsed_in_month_two(session, registration_ids)
    await _raise(session, [(each, RiskFlag.LAPSED_IN_MONTH_TWO) for each in found])


async def list_flags(
    session: AsyncSession,
    viewer: Principal,
    *,
    agent_id: UUID | None,
    month: Month | None,
    flag: RiskFlag | None,
    cursor: str | None,
    limit: int,
) -> Slice[RaisedFlag]:
    """Return the flags within the viewer's scope, the latest first. Raises: CursorInvalid."""
    rows = await queries.list_flags(
        session,
        viewer,
        agent_id=agent_id,
        month=month,
        flag=flag,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda row: row.id)


async def list_flags_of(
    session: AsyncSession, *, member_id: UUID, viewer: Principal, limits: Limits
) -> list[RiskFlag]:
    """Return the marks for possible fraud on a member. Raises: MemberNotFound."""
    shared = await shared_phones.is_phone_shared(
        session, member_id=member_id, viewer=viewer, limits=limits
    )
    found = {*await queries.list_flags_of(session, member_id)}
    return sorted(found | ({RiskFlag.SHARED_PHONE} if shared else set()))


async def _flag_alike(
    session: AsyncSession, new: Sequence[AcquiredMember], thresholds: RiskThresholds
) -> None:
    """Flag stored acquisitions, and those of their agents' months that are alike.

    What shares nothing with them was judged when the last one of its like came.
    """
    others = await queries.list_alike(session, [each.allocation_id for each in new])
    acquired = {each.allocation_id: each for each in (*new, *others)}
    months: dict[tuple[UUID | None, Month], dict[UUID, Traits]] = defaultdict(dict)
    for id_, each in acquired.items():
        months[each.agent_id, each.month][id_] = Traits(
            each.member_id,
            each.phone_hash,
            each.address_hash,
            each.batch_id,
            each.paying_account,
            bool(each.is_older),
        )
    striking = [
        (acquired[id_], flag)
        for month in months.values()
        for id_, flag in rules.find_flags(month, thresholds)
    ]
    await _raise(session, striking)


async def _raise(
    session: AsyncSession, striking: Sequence[tuple[AcquiredMember, RiskFlag]]
) -> None:
    """Store flags and publish those that are new."""
    if not striking:
        return
    copied = ("allocation_id", "member_id", "agent_id", "month", "counts_at")
    place = ("branch_code", "region_code")
    rows = [
        {
            "id": new_id(),
            "flag": flag,
            **{name: getattr(each, name) for name in (*copied, *place)},
            "flagged_at": clock.now(),
        }
        for each, flag in striking
    ]
    events = [
        MemberRiskFlagged(
            member_id=each.member_id,
            allocation_id=each.allocation_id,
            agent_id=each.agent_id,
            flag=each.flag,
            counts_at=each.counts_at,
        )
        for each in await queries.insert_once_flags(session, rows)
    ]
    await publish(session, *events)


def _acquired_row(found: Acquisition, keyring: Keyring) -> dict[str, Any]:
    address = rules.normalise_address(found.street, found.village)
    return {
        "allocation_id": found.allocation_id,
        "member_id": found.member_id,
        "agent_id": found.agent_id,
        "month": rules.find_month(found.counts_at),
        "counts_at": found.counts_at,
        "first_month": found.first_month or min(found.months),
        "branch_code": found.branch_code or "",
        "region_code": found.region_code or "",
        "phone_hash": found.phone_hash,
        "address_hash": keyring.lookup("address", address),
        "batch_id": found.batch_id,
        "paying_account": found.paying_account,
        "is_older": rules.is_older(found.birth_date, found.counts_at),
    }
