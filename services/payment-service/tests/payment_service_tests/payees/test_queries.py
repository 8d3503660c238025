"""Who is paid, in SQL and by the rule: the same for every combination of facts."""

from datetime import date, timedelta
from itertools import product
from uuid import UUID

import pytest
from payment_service_tests.payables import (
    CLOSED_AT,
    NOVEMBER,
    make_account,
    make_agreement,
    make_statement,
    store,
    terminate,
)
from payment_service_tests.village import apply_events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.rules import HeldReason
from payment_service.incentive_statements.models import Statement
from payment_service.payees import service
from payment_service.payees.rules import Payee, PayeeHold, PayeeKind, PayeeReason
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import BankAccountChanged, WadahAgreementSigned


async def find(session: AsyncSession, *statements: Statement) -> list[Payee]:
    found = await service.find_payees(session, Statement, [each.id for each in statements])
    return [found[each.id] for each in statements]


async def test_sql_says_the_same_as_the_rule(session: AsyncSession) -> None:
    agreements = (None, (None,), (PaymentMethod.WADAH,), (PaymentMethod.AGENTS,))
    facts = product((True, False), agreements, (True, False), (True, False), (2021, 2025))
    for is_terminated, agreement, has_own, has_wadahs, year in facts:
        wadah_id, agent_id = new_id(), new_id()
        month = Month(year, 11)
        day = month.plus(1).first_day
        held = HeldReason.WADAH_TERMINATED if is_terminated else None
        held = held or (None if agreement else HeldReason.AGREEMENT_ENDED)
        rows: list[object] = [
            make_statement(wadah_id=wadah_id, agent_id=agent_id, month=month),
            make_statement(wadah_id=wadah_id, month=month, held_reason=held),
        ]
        if agreement is not None:
            days = {"starts_on": day, "ends_on": day + timedelta(days=30)}
            rows.append(make_agreement(wadah_id, agreement[0], **days))
        if is_terminated:
            rows.append(terminate(wadah_id, CLOSED_AT.replace(year=year)))
        rows += [make_account(agent_id)] if has_own else []
        rows += [make_account(wadah_id, PayeeKind.WADAH)] if has_wadahs else []
        await store(session, *rows)

    payables = await service.make_payables(session, Statement)
    columns = (payables.payee_kind, payables.payee_id, payables.held_reason)
    by_sql = {
        id_: tuple(rest) for id_, *rest in await session.execute(select(Statement.id, *columns))
    }
    by_rule = await service.find_payees(session, Statement, list(by_sql))

    assert len(by_sql) == 128
    assert by_sql == {id_: (each.kind, each.id, each.held_reason) for id_, each in by_rule.items()}
    found = {(each.kind, each.reason, each.held_reason) for each in by_rule.values()}
    assert {each[1] for each in found} == set(PayeeReason)
    from_dismissals = {PayeeHold.FRAUD, PayeeHold.CRIME, PayeeHold.GRATIFICATION}
    assert {each[2] for each in found} == {None, *PayeeHold} - from_dismissals
    for id_ in (next(iter(by_sql)), list(by_sql)[-1]):
        chosen = select(Statement.id).where(payables.is_paid_to([by_rule[id_].id]))
        expected = {other for other, each in by_rule.items() if each.id == by_rule[id_].id}
        assert set(await session.scalars(chosen)) == expected


@pytest.mark.parametrize(
    ("month", "kind"), [(Month(2022, 3), PayeeKind.AGENT), (Month(2022, 4), PayeeKind.WADAH)]
)
async def test_the_seeded_schemes_pay_the_agent_and_later_the_wadah(
    session: AsyncSession, month: Month, kind: PayeeKind
) -> None:
    wadah_id, agent_id = new_id(), new_id()
    statement = make_statement(wadah_id=wadah_id, agent_id=agent_id, month=month)
    days = {"starts_on": date(2022, 1, 1), "ends_on": date(2022, 12, 31)}
    await store(session, statement, make_agreement(wadah_id, None, **days))

    (payee,) = await find(session, statement)

    assert (payee.kind, payee.reason) == (kind, PayeeReason.SCHEME)


async def test_an_amended_agreement_decides_from_the_close_on(session: AsyncSession) -> None:
    wadah_id, agent_id = new_id(), new_id()
    november = make_statement(wadah_id=wadah_id, agent_id=agent_id)
    december = make_statement(wadah_id=wadah_id, agent_id=agent_id, month=NOVEMBER.plus(1))
    ends_on = date(2026, 12, 31)
    await store(
        session,
        november,
        december,
        make_agreement(wadah_id, PaymentMethod.WADAH, ends_on=ends_on),
        make_agreement(wadah_id, PaymentMethod.AGENTS, starts_on=date(2026, 1, 3), ends_on=ends_on),
    )

    found = await find(session, november, december)

    assert [each.kind for each in found] == [PayeeKind.WADAH, PayeeKind.AGENT]


async def test_a_termination_after_the_close_changes_nothing(session: AsyncSession) -> None:
    wadah_id, agent_id = new_id(), new_id()
    statement = make_statement(wadah_id=wadah_id, agent_id=agent_id)
    later = terminate(wadah_id, CLOSED_AT + timedelta(minutes=1))
    await store(session, statement, make_agreement(wadah_id), later)

    (payee,) = await find(session, statement)

    assert (payee.kind, payee.reason) == (PayeeKind.WADAH, PayeeReason.SCHEME)


async def test_a_verified_account_ends_the_hold(session: AsyncSession) -> None:
    wadah_id, agent_id = new_id(), new_id()
    statement = make_statement(wadah_id=wadah_id, agent_id=agent_id)
    await store(session, statement, make_agreement(wadah_id, PaymentMethod.AGENTS))
    (before,) = await find(session, statement)
    changed = _changed(agent_id)

    for _ in range(2):
        await apply_events(session, [changed])

    (after,) = await find(session, statement)
    assert (before.held_reason, after.held_reason) == (PayeeHold.NO_ACCOUNT, None)


async def test_the_feed_tells_whom_an_agreement_pays(session: AsyncSession) -> None:
    wadah_id, agent_id = new_id(), new_id()
    statement = make_statement(wadah_id=wadah_id, agent_id=agent_id)
    await store(session, statement)
    signed = WadahAgreementSigned(
        wadah_id=wadah_id,
        agreement_id=new_id(),
        starts_on=date(2025, 1, 1),
        ends_on=date(2025, 12, 31),
        pays="agents",
    )

    await apply_events(session, [signed])

    (payee,) = await find(session, statement)
    assert (payee.kind, payee.reason) == (PayeeKind.AGENT, PayeeReason.AGREEMENT)


def _changed(agent_id: UUID) -> BankAccountChanged:
    return BankAccountChanged(
        holder_kind="agent",
        holder_id=agent_id,
        bank_account_id=new_id(),
        payouts_frozen_until=CLOSED_AT,
        decided_at=CLOSED_AT,
    )
