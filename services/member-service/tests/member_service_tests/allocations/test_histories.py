"""What is stored and published agrees with a naive calendar, in whatever order events arrive."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.registrations import oracle
from member_service_tests.registrations.histories import (
    BEGIN,
    DAYS,
    TERMS,
    MemberHistory,
    random_history,
)
from member_service_tests.registrations.test_oracle import verdicts
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service
from member_service.allocations.models import AllocationRow
from member_service.declarations.models import WorkDeclaration
from member_service.endings.models import ReportedEnding
from member_service.members.models import Member
from member_service.registrations.models import RegistrationRow
from member_service.registrations.rules import Allocation
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AllocationReversed, PaymentSettled
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Histories = Mapping[UUID, MemberHistory]

LONG_AGO = datetime(2025, 6, 1, 3, tzinfo=UTC)
"""The declaration of the enrolment is too old for every bill of a history."""
MEMBERS = 40
BATCH = 60
FEW = 1
MANY = 6


async def test_a_naive_calendar_finds_the_same_in_what_is_stored(
    session: AsyncSession, enrol: Enrol, business_time: BusinessTime, published: Published
) -> None:
    await compare(range(FEW), session, enrol, business_time, published)


@pytest.mark.soak
async def test_a_naive_calendar_finds_the_same_in_what_is_stored_of_many_histories(
    session: AsyncSession, enrol: Enrol, business_time: BusinessTime, published: Published
) -> None:
    await compare(range(FEW, FEW + MANY), session, enrol, business_time, published)


async def compare(
    seeds: range,
    session: AsyncSession,
    enrol: Enrol,
    business_time: BusinessTime,
    published: Published,
) -> None:
    for seed in seeds:
        chance = Random(seed)
        business_time.at(LONG_AGO)
        histories = {
            await enrol_person(session, enrol, history): history
            for history in [random_history(chance) for _ in range(MEMBERS)]
        }
        first, second = sorted(
            BEGIN + timedelta(days=chance.randrange(DAYS + 200)) for _ in range(2)
        )
        business_time.at(oracle.start_of(first))
        await feed(session, histories, chance)
        await check(session, histories, first, published)
        business_time.at(oracle.start_of(second))
        await service.judge_members(session, list(histories), TERMS)
        await check(session, histories, second, published)


async def enrol_person(session: AsyncSession, enrol: Enrol, history: MemberHistory) -> UUID:
    member, person = await enrol(session), history.person
    member.birth_date = person.birth_date
    session.add_all(
        WorkDeclaration(
            id=each.id,
            member_id=member.id,
            declared_on=each.declared_on,
            made_by=new_id(),
            made_at=each.made_at,
        )
        for each in person.declarations
    )
    session.add_all(
        ReportedEnding(
            id=new_id(),
            member_id=member.id,
            last_day=each.ended_on - timedelta(days=1),
            reason=each.reason,
            reported_by=new_id(),
            reported_at=LONG_AGO,
        )
        for each in person.endings
    )
    await session.flush()
    return member.id


async def feed(session: AsyncSession, histories: Histories, chance: Random) -> None:
    """Publish all allocations and reversals, shuffled, some of them twice."""
    events: list[PaymentSettled | AllocationReversed] = []
    for member_id, history in histories.items():
        events += [settled(member_id, each) for each in (*history.allocations, *history.reversed)]
        events += [taken_back(member_id, each) for each in history.reversed]
    events += chance.sample(events, len(events) // 10)
    chance.shuffle(events)
    for start in range(0, len(events), BATCH):
        await service.take_allocations(session, events[start : start + BATCH], TERMS)


def settled(member_id: UUID, allocation: Allocation) -> PaymentSettled:
    return PaymentSettled.model_validate(
        {
            "allocation_id": allocation.id,
            "payment_id": new_id(),
            "bill_id": new_id(),
            "member_id": member_id,
            "partner_id": new_id(),
            "amount": 16_800,
            "issued_at": allocation.issued_at,
            "counts_at": allocation.counts_at,
            "received_at": allocation.counts_at,
            "payer": "self",
            "lines": [
                {"month": month, "programme": each, "amount": 8_400, "relief": 0}
                for month in allocation.months
                for each in ("jkk", "jkm")
            ]
            or [{"month": "2026-03", "programme": "jht", "amount": 20_000, "relief": 0}],
        }
    )


def taken_back(member_id: UUID, allocation: Allocation) -> AllocationReversed:
    return AllocationReversed(
        allocation_id=allocation.id,
        payment_id=new_id(),
        bill_id=new_id(),
        member_id=member_id,
        amount=16_800,
        reversed_at=allocation.counts_at + timedelta(days=1),
        reason_code="bank_reversed",
    )


async def check(
    session: AsyncSession, histories: Histories, known_on: date, published: Published
) -> None:
    published_answers: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for kind, data in await published(session):
        if kind.startswith("coverage."):
            is_declined = kind == "coverage.declined.v1"
            published_answers[data["allocation_id"]].append((data["answer_no"], is_declined))
    rows: dict[UUID, list[AllocationRow]] = defaultdict(list)
    for row in await session.scalars(
        select(AllocationRow).where(AllocationRow.member_id.in_(histories))
    ):
        rows[row.member_id].append(row)
    registrations: dict[UUID, list[object]] = defaultdict(list)
    present = select(RegistrationRow).where(RegistrationRow.superseded_at.is_(None))
    for each in await session.scalars(present.order_by(RegistrationRow.began_at)):
        registrations[each.member_id].append(
            (each.began_at, each.first_month, each.ends_on, each.end_reason.value)
        )
    for member_id, history in histories.items():
        walked = replace(history, known_on=known_on).walked()
        assert registrations[member_id] == [
            (each.began_at, each.first_month, each.ended_on, each.reason)
            for each in walked.memberships
        ]
        expected = verdicts(history.allocations, walked)
        expected |= {each.id: ("reversed", set()) for each in history.reversed}
        assert {
            row.id: (row.declined and row.declined.value, set(row.withdrawn))
            for row in rows[member_id]
        } == expected
        for row in rows[member_id]:
            answered = published_answers[str(row.id)]
            assert [number for number, _ in answered] == list(range(1, row.answer_no + 1))
            assert answered[-1][1] == (row.declined is not None)
