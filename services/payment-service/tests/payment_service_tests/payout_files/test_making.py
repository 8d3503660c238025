"""When a file is made and given out, and what is stored of it."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from payment_service_tests.office import Office, list_transfers, open_account
from payment_service_tests.payout_files.desk import (
    FILES,
    Desk,
    Officer,
    answer_to,
    rows_of,
    statuses,
)
from payment_service_tests.village import Village
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutChannel
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_transfers.models import PayoutTransfer
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = Month(2025, 11)
Earn = Callable[..., Awaitable[list[Village]]]


async def test_a_file_holds_no_more_than_the_day_has_room_for(
    session: AsyncSession, desk: Desk, run_id: UUID, account: PayoutAccount
) -> None:
    amounts = [each.amount for each in await list_transfers(session, run_id)]
    account.transfer_max = account.daily_cap = amounts[0] + amounts[1]
    await session.flush()

    file = await desk.make(run_id)

    assert (file["row_count"], file["amount"]) == (2, amounts[0] + amounts[1])
    assert (await desk.make(run_id))["code"] == "payout_file_empty"
    assert (await statuses(session, run_id)).count("created") == len(amounts) - 2


async def test_no_file_is_made_before_everything_is_checked(
    session: AsyncSession, desk: Desk, run_id: UUID
) -> None:
    run = await session.get_one(PayoutRun, run_id)
    begun_at, run.begun_sending_at = run.begun_sending_at, None
    await session.flush()

    early = await desk.make(run_id)
    run.begun_sending_at = begun_at
    await session.flush()
    file = await desk.make(run_id)

    assert early["code"] == "payout_file_unready"
    assert file["row_count"] == len(await list_transfers(session, run_id))


async def test_no_file_is_made_after_the_cut_off(
    desk: Desk, run_id: UUID, business_time: BusinessTime
) -> None:
    business_time.at(clock.now() + timedelta(hours=4))  # 16:00 in Jakarta

    refused = await desk.make(run_id)

    assert (refused["code"], refused["details"]["cut_off"]) == ("payout_file_too_late", "15:00")


async def test_no_file_is_made_of_what_is_not_released_is_stopped_or_has_an_api(
    session: AsyncSession,
    client: httpx.AsyncClient,
    desk: Desk,
    officer: Officer,
    office: Office,
    account: PayoutAccount,
    earn: Earn,
) -> None:
    await earn(3)
    run_id = await office.prepare(account.id, NOVEMBER)
    early = await desk.make(run_id)
    unknown = await desk.make(new_id())
    await office.release(run_id)
    stopped = await client.post("/v1/payout-stops", json={"reason": "A drill."}, headers=officer())
    held = await desk.make(run_id)

    assert (early["code"], unknown["code"]) == ("payout_run_status", "payout_run_not_found")
    assert (stopped.status_code, held["code"]) == (201, "payouts_stopped")
    assert await statuses(session, run_id) == ["created"] * 2


async def test_no_file_is_given_out_while_payouts_are_stopped(
    client: httpx.AsyncClient, desk: Desk, officer: Officer, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    await client.post("/v1/payout-stops", json={"reason": "A drill."}, headers=officer())

    refused = await client.get(f"{FILES}/{file['id']}/content", headers=officer())

    assert (refused.status_code, refused.json()["code"]) == (409, "payouts_stopped")


async def test_a_run_through_an_api_has_no_files(
    session: AsyncSession, desk: Desk, run_id: UUID, account: PayoutAccount, make_partner: Any
) -> None:
    partner = await make_partner(session)
    account.channel, account.file_format = PayoutChannel.SNAP, None
    account.bank_partner_id = partner.id
    await session.flush()

    assert (await desk.make(run_id))["code"] == "payout_run_by_api"


async def test_an_answer_larger_than_the_bound_is_refused(
    client: httpx.AsyncClient, desk: Desk, officer: Officer, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    body = {"content": base64.b64encode(b"a" * (512 * 1024 + 1)).decode()}

    answer = await client.post(f"{FILES}/{file['id']}/answers", json=body, headers=officer())

    assert answer.status_code in {413, 422}
    assert await desk.answers(file["id"]) == []


async def test_accounts_are_stored_sealed_only(
    session: AsyncSession, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.answer(file["id"], answer_to(content, "PAID"))

    stored = (
        await session.execute(
            text("SELECT payout_files.content, payout_answers.content"
                 " FROM payout_files, payout_answers")
        )
    ).one()  # fmt: skip

    for each in stored:
        assert not [cells for cells in rows_of(content) if cells[2].encode() in bytes(each)]
        assert b"reference" not in bytes(each)


async def test_files_are_listed_by_run(
    client: httpx.AsyncClient, session: AsyncSession, desk: Desk, officer: Officer, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    account = await open_account(session)

    own = await client.get(FILES, params={"run_id": str(run_id)}, headers=officer())
    none = await client.get(FILES, params={"run_id": str(new_id())}, headers=officer())
    one = await client.get(f"{FILES}/{file['id']}", headers=officer())
    lost = await client.get(f"{FILES}/{account.id}", headers=officer())

    assert own.json()["items"] == [file] == [one.json()]
    assert none.json()["items"] == []
    assert lost.json()["code"] == "payout_file_not_found"
    assert await session.scalar(select(PayoutTransfer.id).limit(1)) is not None
