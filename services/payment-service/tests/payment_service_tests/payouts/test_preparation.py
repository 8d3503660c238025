"""Who is paid what by a run, and who is left out."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from payment_service_tests.office import (
    Office,
    PayeeBook,
    know,
    list_transfers,
    open_account,
    pay_out,
)
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import RunEntry
from payment_service.payout_runs.rules import PayoutMonthOpen, RunStatus
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.statement_holds.tasks import on_agents_dismissed
from payment_service.verifications import service as verifications
from payment_service.verifications.models import MonthVerification
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import AgentDismissed
from perisai_kit.testing.network import Wire

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


async def list_payouts(session: AsyncSession) -> list[Payout]:
    chosen = select(Payout).order_by(Payout.payee_id)
    return list(await session.scalars(chosen.execution_options(populate_existing=True)))


async def list_items(session: AsyncSession) -> list[PayoutItem]:
    return list(await session.scalars(select(PayoutItem).order_by(PayoutItem.id)))


async def test_a_run_pays_each_payee_once_for_all_months_less_tax(
    session: AsyncSession, office: Office, account: PayoutAccount, earn: Earn, earner: Village
) -> None:
    await earn(3, villages=[earner], month=DECEMBER)

    run = await office.find(await office.prepare(account.id, DECEMBER))

    found = {each.payee_id: each for each in await list_payouts(session)}
    agent, wadah = found[earner.agent_id], found[earner.wadah_id]
    # Half of it is taxed with 5 %; a legal entity's fee with 2 %.
    assert (agent.gross, agent.tax, agent.amount) == (33_120, 828, 32_292)
    assert (wadah.gross, wadah.tax, wadah.amount) == (3_312, 66, 3_246)
    assert run.status is RunStatus.PROPOSED
    assert run.figures == {
        "payout_count": 2,
        "statement_count": 4,
        "gross": 36_432,
        "tax": 894,
        "amount": 35_538,
        "left_out": [],
    }
    assert sum(each.tax for each in await list_items(session)) == 894
    assert (await session.scalars(select(RunEntry))).all() == []


async def test_a_wadah_is_paid_for_its_agents_where_the_agreement_says_so(
    session: AsyncSession, office: Office, account: PayoutAccount, earn: Earn
) -> None:
    (village,) = await earn(3, pays=PaymentMethod.WADAH)

    await office.prepare(account.id, NOVEMBER)

    (payout,) = await list_payouts(session)
    assert payout.payee_id == village.wadah_id
    assert payout.gross == 16_560 + 1_656
    items = {each.beneficiary_id: (each.gross, each.tax) for each in await list_items(session)}
    assert items == {village.agent_id: (16_560, 414), village.wadah_id: (1_656, 33)}


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"name_match": "mismatch"}, "holder_unconfirmed"),
        ({"frozen_until": timedelta(days=2)}, "account_frozen"),
    ],
)
async def test_a_payee_with_an_unsafe_account_is_left_out_and_reported(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    book: PayeeBook,
    known: dict[str, object],
    reason: str,
) -> None:
    frozen = known.get("frozen_until")
    if isinstance(frozen, timedelta):
        known = {"frozen_until": clock.now() + frozen}
    book.add(earner.agent_id, **known)  # type: ignore[arg-type]  # one of its fields

    run = await office.find(await office.prepare(account.id, NOVEMBER))

    assert [each.payee_id for each in await list_payouts(session)] == [earner.wadah_id]
    assert run.figures is not None
    assert run.figures["left_out"] == [
        {"reason": reason, "payee_count": 1, "statement_count": 1, "gross": 16_560}
    ]
    (omission,) = (
        await runs.list_omissions(session, run.id, reason=None, cursor=None, limit=10)
    ).items
    assert (omission.payee_id, omission.gross) == (earner.agent_id, 16_560)


async def test_a_payee_whom_agent_service_does_not_know_is_left_out(
    office: Office, account: PayoutAccount, earner: Village, book: PayeeBook
) -> None:
    del book.known[earner.agent_id]
    book.known[earner.wadah_id]["account"] = None

    run = await office.find(await office.prepare(account.id, NOVEMBER))

    assert run.figures is not None
    assert {each["reason"]: each["gross"] for each in run.figures["left_out"]} == {
        "payee_unknown": 16_560,
        "no_account": 1_656,
    }


async def test_what_is_held_is_left_out_and_paid_once_it_is_released(
    session: AsyncSession, office: Office, account: PayoutAccount, earner: Village
) -> None:
    dismissed = AgentDismissed(
        agent_id=earner.agent_id, account_id=new_id(), reason_code="fraud", decided_at=clock.now()
    )
    await on_agents_dismissed(session, [dismissed])

    run = await office.find(await office.prepare(account.id, NOVEMBER))

    assert run.figures is not None
    assert run.figures["left_out"] == [
        {"reason": "held", "payee_count": 1, "statement_count": 1, "gross": 16_560}
    ]
    assert [each.payee_id for each in await list_payouts(session)] == [earner.wadah_id]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"transfer_max": 16_000}, "over_transfer_max"), ({"batch_max": 1}, "batch_full")],
)
@pytest.mark.usefixtures("earner")
async def test_what_exceeds_the_limits_of_our_account_is_left_out(
    session: AsyncSession,
    office: Office,
    limits: dict[str, int],
    reason: str,
) -> None:
    account = await open_account(session, **limits)

    run = await office.find(await office.prepare(account.id, NOVEMBER))

    assert run.figures is not None
    assert run.figures["payout_count"] == 1
    assert [each["reason"] for each in run.figures["left_out"]] == [reason]


async def test_a_wadah_with_many_agents_is_paid_in_several_transfers(
    session: AsyncSession, office: Office, book: PayeeBook, earn: Earn, faults: Faults
) -> None:
    wadah_id = new_id()
    villages = [Village(wadah_id=wadah_id) for _ in range(4)]
    await know(session, book, *villages, pays=PaymentMethod.WADAH)
    await earn(3, 3, 3, 6, villages=villages)
    account = await open_account(session, transfer_max=33_000)

    await pay_out(session, office, account, NOVEMBER)

    found = sorted(await list_payouts(session), key=lambda each: each.part)
    assert {each.payee_id for each in found} == {wadah_id}
    assert [each.part for each in found] == [1, 2, 3]
    assert all(each.amount <= 33_000 and each.status == "paid" for each in found)
    # Nobody's pay is divided, since the tax depends on the whole of it.
    items = [(each.beneficiary_id, each.gross) for each in await list_items(session)]
    assert sorted(items) == sorted(
        [(each.agent_id, 16_560) for each in villages[:3]]
        + [(villages[3].agent_id, 33_120), (wadah_id, (3 * 16_560 + 33_120) // 10)]
    )
    assert await faults(session) == []


@pytest.mark.usefixtures("earner")
async def test_a_month_that_is_not_closed_cannot_be_paid(
    session: AsyncSession, account: PayoutAccount
) -> None:

    with pytest.raises(PayoutMonthOpen):
        await runs.propose(
            session, through_month=DECEMBER, payout_account_id=account.id, by=new_id()
        )


@pytest.mark.usefixtures("earner")
async def test_a_second_run_finds_nothing_left(
    session: AsyncSession, office: Office, account: PayoutAccount
) -> None:
    await office.prepare(account.id, NOVEMBER)

    second = await office.find(await office.prepare(account.id, NOVEMBER))

    assert second.figures is not None
    assert (second.figures["payout_count"], second.figures["left_out"]) == (0, [])
    assert len(await list_payouts(session)) == 2


@pytest.mark.usefixtures("earner")
async def test_a_run_waits_while_agent_service_does_not_answer(
    office: Office, account: PayoutAccount, wire: Wire, book: PayeeBook
) -> None:
    wire.answer("agent", lambda _: httpx.Response(503, json={"code": "down"}))

    waiting = await office.find(await office.prepare(account.id, NOVEMBER))
    seen = (waiting.status, waiting.failure_code, waiting.failure_count)
    wire.answer("agent", book.answer)
    await office.work()
    prepared = await office.find(waiting.id)

    assert seen == (RunStatus.PREPARING, "unavailable", 1)
    assert (prepared.status, prepared.failure_code) == (RunStatus.PROPOSED, None)


@pytest.mark.usefixtures("earner")
async def test_account_numbers_and_names_are_not_readable_in_the_table(
    session: AsyncSession, office: Office, account: PayoutAccount
) -> None:
    await office.prepare(account.id, NOVEMBER)

    (payout, _) = await list_payouts(session)
    raw = (await session.execute(select(Payout.__table__).limit(1))).mappings().one()

    assert payout.holder_name == "Penerima Uji"
    assert b"Penerima" not in bytes(raw["holder_name"]._stored)


async def test_a_month_that_differs_is_left_out_and_stops_no_other(
    session: AsyncSession, office: Office, account: PayoutAccount, earn: Earn
) -> None:
    await earn(3, month=NOVEMBER.plus(1), villages=await earn(3))
    agreed = await verifications.verify(office.database, NOVEMBER)
    found = {each.name: getattr(agreed, each.name) for each in MonthVerification.__table__.columns}
    session.add(MonthVerification(**{**found, "id": new_id(), "difference_count": 1}))
    await session.flush()

    run_id = await office.prepare(account.id, NOVEMBER.plus(1))

    run = await office.find(run_id)
    assert run.figures is not None
    assert [(each["reason"], each["gross"]) for each in run.figures["left_out"]] == [
        ("month_unproven", 16_560 + 1_656)
    ]
    assert run.figures["gross"] == 16_560 + 1_656
    await office.release(run_id)
    assert len(await list_transfers(session, run_id)) == 2
