from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ARRAY, BigInteger, cast, column, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds.rules import set_off
from payment_service.incentive_statements.queries import rest_of, rupiah_of
from payment_service.incentive_statements.rules import Balance, Due
from payment_service.schemes.rules import PARTS

PARTS_OF_ANY_SIGN = st.integers(-(10**15), 10**15)


@given(
    parts=st.lists(PARTS_OF_ANY_SIGN, min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_statements_lose_nothing_whenever_months_are_closed(
    parts: list[int], cuts: list[int]
) -> None:
    balance, stated, paid, last = Balance(), 0, 0, 0
    for cut in [*sorted(cuts), len(parts)]:
        due = Due(balance, sum(parts[last:cut]))
        stated += due.amount
        paid += due.payable
        balance, last = balance.after(due.booked_parts), max(cut, last)
        assert paid - balance.debt == stated

    assert stated == sum(parts) // PARTS


@given(before=PARTS_OF_ANY_SIGN, debt=st.integers(0, 10**9), booked=PARTS_OF_ANY_SIGN)
def test_what_is_brought_and_booked_is_stated_or_carried(
    before: int, debt: int, booked: int
) -> None:
    found = Due(Balance(before, debt), booked)

    assert found.brought_parts + booked == found.amount * PARTS + found.carried_parts
    assert 0 <= found.carried_parts < PARTS
    assert found.amount == (before + booked) // PARTS - before // PARTS
    assert found.payable - found.carried_debt == found.amount - debt
    assert 0 in (found.payable, found.carried_debt)


async def test_sql_rounds_down_as_python_does(session: AsyncSession) -> None:
    samples = [
        each * sign + off for each in (0, 1, PARTS) for sign in (1, -1) for off in (-1, 0, 1)
    ]

    @given(st.lists(PARTS_OF_ANY_SIGN, min_size=200, max_size=200))
    def draw(parts: list[int]) -> None:
        samples.extend(parts)

    draw()
    values = (
        func.unnest(cast(samples, ARRAY(BigInteger())))
        .table_valued(column("parts", BigInteger()), with_ordinality="place", name="drawn")
        .render_derived()
    )

    rows = await session.execute(
        select(rest_of(values.c.parts), rupiah_of(values.c.parts)).order_by(values.c.place)
    )

    assert [tuple(row) for row in rows] == [(each % PARTS, each // PARTS) for each in samples]


@given(amounts=st.lists(st.integers(1, 10**9), max_size=20), debt=st.integers(0, 10**10))
def test_a_debt_is_deducted_from_the_first_amounts_until_nothing_is_left_of_either(
    amounts: list[int], debt: int
) -> None:
    deducted = set_off(amounts, debt)

    assert sum(deducted) == min(sum(amounts), debt)
    whole = [each == amount for each, amount in zip(deducted, amounts, strict=True)]
    assert whole == sorted(whole, reverse=True)  # all of the first ones
    assert all(0 <= each <= amount for each, amount in zip(deducted, amounts, strict=True))
    assert sum(0 < each < amount for each, amount in zip(deducted, amounts, strict=True)) <= 1
