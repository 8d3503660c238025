"""The payees of a month, page by page, are those that the rule names for each statement."""

from collections import defaultdict
from random import Random
from typing import Any
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
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.rules import HeldReason
from payment_service.incentive_statements.models import Statement
from payment_service.payee_totals import service
from payment_service.payee_totals.queries import PayeeTotal
from payment_service.payees import service as payees
from payment_service.payees.rules import PayeeKind
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import PaymentMethod

WADAHS = 30


def who(*roles: Role, **claims: Any) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), **claims)


async def fill(session: AsyncSession, random: Random) -> list[Statement]:
    """Store two months of wadahs of every kind, some without a statement of their own."""
    found: list[Statement] = []
    for _ in range(WADAHS):
        wadah_id = UUID(int=random.getrandbits(128), version=4)
        pays = random.choice((None, *PaymentMethod))
        is_terminated, has_agreement = random.random() < 0.2, random.random() < 0.8
        held = HeldReason.WADAH_TERMINATED if is_terminated else None
        held = held or (None if has_agreement else HeldReason.AGREEMENT_ENDED)
        common: dict[str, Any] = {
            "wadah_id": wadah_id,
            "branch_code": random.choice(("BWI", "SBY")),
        }
        rows: list[object] = [make_agreement(wadah_id, pays)] if has_agreement else []
        rows += [terminate(wadah_id, CLOSED_AT)] if is_terminated else []
        rows += [make_account(wadah_id, PayeeKind.WADAH)] if random.random() < 0.8 else []
        statements = []
        for _ in range(random.randrange(6)):
            agent_id = UUID(int=random.getrandbits(128), version=4)
            rows += [make_account(agent_id)] if random.random() < 0.8 else []
            for month in (NOVEMBER.plus(-1), NOVEMBER):
                amount = random.randrange(-500, 5_000)
                debt = random.choice((0, 0, 700))
                statements.append(
                    make_statement(
                        agent_id=agent_id, month=month, amount=amount, brought_debt=debt, **common
                    )
                )
        if random.random() < 0.8:
            statements.append(make_statement(held_reason=held, **common))
        await store(session, *rows, *statements)
        found += statements
    return [each for each in found if each.month == NOVEMBER]


async def add_up(session: AsyncSession, principal: Principal) -> dict[UUID, PayeeTotal]:
    """Add up what the rule says of each visible statement of the month."""
    visible = visible_earnings(principal, Statement)
    chosen = select(Statement).where(Statement.month == NOVEMBER, visible)
    statements = (await session.scalars(chosen)).all()
    paid = await payees.find_payees(session, Statement, [each.id for each in statements])
    sums: dict[UUID, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    kinds = {}
    for each in statements:
        payee, payable = paid[each.id], max(each.amount - each.brought_debt, 0)
        kinds[payee.id] = payee.kind
        held = payable if payee.held_reason else 0
        own = sums[payee.id]
        own[:] = map(sum, zip(own, (1, each.amount, payable, held), strict=True))
    return {id_: PayeeTotal(kinds[id_], id_, *sums[id_]) for id_ in sums}


async def read_pages(
    session: AsyncSession, principal: Principal, *, limit: int
) -> list[PayeeTotal]:
    found: list[PayeeTotal] = []
    cursor = None
    for _ in range(6 * WADAHS):
        page = await service.list_totals(session, principal, NOVEMBER, cursor=cursor, limit=limit)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit
    raise AssertionError("more pages than expected")


@pytest.mark.parametrize("seed", range(3))
async def test_the_pages_are_the_sums_of_what_the_rule_says(
    session: AsyncSession, seed: int
) -> None:
    statements = await fill(session, Random(seed))
    one = next(each for each in statements if each.beneficiary_id != each.wadah_id)
    readers = [
        who(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.COUNTRY)),
        who(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.REGION, "JTM")),
        who(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "BWI", "JTM")),
        who(Role.WADAH_ADMIN, wadah_id=one.wadah_id),
        who(Role.AGENT, agent_id=one.beneficiary_id, wadah_id=one.wadah_id),
    ]
    for reader in readers:
        expected = await add_up(session, reader)
        for limit in (1, 4, 200):
            found = await read_pages(session, reader, limit=limit)

            assert found == [expected[id_] for id_ in sorted(expected)]
