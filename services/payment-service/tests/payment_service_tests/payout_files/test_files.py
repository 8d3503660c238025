"""Payouts by file: made once, given out the same, answered, and settled as any other payout."""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.months.schemas import CommissionMonthOut
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutChannel
from payment_service.payout_files.tasks import apply_answers
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payouts.models import Payout
from payment_service.testing_commissions import Village
from payment_service.testing_payouts import Office, PayeeBook, list_transfers, open_account
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
FILES = "/v1/payout-files"
ANSWER_HEADER = "reference,amount,status,bank_reference,reason\r\n"
Earn = Callable[..., Awaitable[list[Village]]]
Close = Callable[..., Awaitable[CommissionMonthOut]]
Officer = Callable[[], dict[str, str]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


class Desk:
    """Officers at the routes of payout files."""

    def __init__(self, client: httpx.AsyncClient, officer: Officer) -> None:
        self._client, self.officer = client, officer

    async def make(self, run_id: UUID) -> dict[str, Any]:
        answer = await self._client.post(
            FILES, json={"run_id": str(run_id)}, headers=self.officer()
        )
        found: dict[str, Any] = answer.json()
        return found

    async def content(self, file_id: str) -> bytes:
        answer = await self._client.get(f"{FILES}/{file_id}/content", headers=self.officer())
        assert answer.status_code == 200, answer.text
        return answer.content

    async def answer(
        self, file_id: str, content: str, *, by: dict[str, str] | None = None
    ) -> dict[str, Any]:
        body = {"content": base64.b64encode(content.encode()).decode()}
        headers = {**(by or self.officer()), "Idempotency-Key": str(new_id())}
        answer = await self._client.post(f"{FILES}/{file_id}/answers", json=body, headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    async def decide(
        self,
        answer: dict[str, Any],
        verdict: str = "confirmed",
        *,
        by: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {**(by or self.officer()), "Idempotency-Key": str(new_id())}
        path = f"{FILES}/{answer['file_id']}/answers/{answer['id']}/decision"
        decided = await self._client.post(path, json={"verdict": verdict}, headers=headers)
        found: dict[str, Any] = decided.json()
        return found

    async def answers(self, file_id: str) -> list[dict[str, Any]]:
        answer = await self._client.get(f"{FILES}/{file_id}/answers", headers=self.officer())
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def desk(client: httpx.AsyncClient, officer: Officer) -> Desk:
    return Desk(client, officer)


@pytest.fixture
async def run_id(office: Office, account: PayoutAccount, earn: Earn) -> UUID:
    """A released run of three agents and three wadahs."""
    await earn(3, 4, 5)
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)
    return run_id


def rows_of(content: bytes) -> list[list[str]]:
    header, *rows = content.decode().splitlines()
    assert header == "reference,bank_code,account_no,holder_name,amount,date,remark"
    return [each.split(",") for each in rows]


def answer_to(content: bytes, *outcomes: str) -> str:
    """Return a bank's answer to the first rows of a file."""
    lines = [
        f"{cells[0]},{cells[4]},{outcome},BANK-{number},{'' if outcome == 'PAID' else 'R13'}"
        for number, (cells, outcome) in enumerate(zip(rows_of(content), outcomes, strict=False), 1)
    ]
    return ANSWER_HEADER + "\r\n".join(lines) + "\r\n"


async def statuses(session: AsyncSession, run_id: UUID) -> list[str]:
    return [each.status.value for each in await list_transfers(session, run_id)]


async def test_a_file_is_made_once_and_given_out_the_same(
    session: AsyncSession, desk: Desk, run_id: UUID, book: PayeeBook
) -> None:
    file = await desk.make(run_id)
    again = await desk.make(run_id)
    contents = [await desk.content(file["id"]) for _ in range(2)]

    transfers = await list_transfers(session, run_id)
    assert (file["row_count"], file["file_format"], again["code"]) == (
        len(transfers),
        "generic-csv",
        "payout_file_empty",
    )
    assert file["amount"] == sum(each.amount for each in transfers)
    assert {each.status for each in transfers} == {"sent"}
    assert contents[0] == contents[1]
    written = {cells[0]: (cells[2], int(cells[4])) for cells in rows_of(contents[0])}
    payouts = {each.id: each for each in await session.scalars(select(Payout))}
    assert written == {
        each.partner_reference_no: (payouts[each.payout_id].account_no, each.amount)
        for each in transfers
    }
    reads = (await session.scalars(select(ReadAudit))).all()
    agents = {each.payee_id for each in payouts.values() if each.payee_kind == "agent"}
    assert [set(each.ids) for each in reads if each.kind.endswith("/content")] == [agents] * 2


async def test_what_the_bank_answers_settles_payouts_and_the_books_hold(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID, faults: Faults
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    wanted = ["PAID", "FAILED", "RETURNED", "PAID"]

    answer = await desk.answer(file["id"], answer_to(content, *wanted))
    before = await statuses(session, run_id)
    decided = await desk.decide(answer)
    await apply_answers(database)

    rest = file["row_count"] - 4
    (done,) = await desk.answers(file["id"])
    assert (answer["status"], decided["status"], done["status"]) == (
        "proposed",
        "confirmed",
        "done",
    )
    assert (done["row_count"], done["applied_count"], done["refused_count"]) == (4, 4, 0)
    assert set(before) == {"sent"}
    assert await statuses(session, run_id) == [
        "paid",
        "failed",
        "returned",
        "paid",
        *["unknown"] * rest,
    ]
    assert await faults(session) == []
    types = list(await session.scalars(select(EventRow.type).order_by(EventRow.id)))
    told = [each for each in types if each.startswith("payout.")]
    assert sorted(told) == [
        "payout.failed.v1",
        "payout.paid.v1",
        "payout.paid.v1",
        "payout.returned.v1",
    ]


async def test_the_same_answer_again_changes_nothing(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = answer_to(await desk.content(file["id"]), "PAID", "FAILED")
    first = await desk.answer(file["id"], content)
    early = await desk.answer(file["id"], content)
    await desk.decide(first)
    await apply_answers(database)
    changes = await count(session, "payout_transfer_changes")

    late = await desk.answer(file["id"], content)
    await apply_answers(database)

    assert early["id"] == first["id"] == late["id"]
    assert late["status"] == "done"
    assert await count(session, "payout_transfer_changes") == changes
    assert len(await desk.answers(file["id"])) == 1


async def test_a_second_answer_names_what_the_first_left_out(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "PAID")))
    await apply_answers(database)

    whole = answer_to(content, *["PAID"] * file["row_count"])
    second = await desk.answer(file["id"], whole)
    await desk.decide(second)
    await apply_answers(database)

    assert set(await statuses(session, run_id)) == {"paid"}
    assert [each["refused_count"] for each in await desk.answers(file["id"])] == [0, 0]


async def test_what_failed_goes_into_another_file_under_another_reference(
    session: AsyncSession,
    client: httpx.AsyncClient,
    database: Database,
    desk: Desk,
    officer: Officer,
    run_id: UUID,
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "FAILED")))
    await apply_answers(database)
    (failed,) = [each for each in await list_transfers(session, run_id) if each.status == "failed"]

    tried = await client.post(f"/v1/payouts/{failed.payout_id}/retry", headers=officer())
    second = await desk.make(run_id)

    assert tried.status_code in {200, 201}, tried.text
    (cells,) = rows_of(await desk.content(second["id"]))
    assert (second["row_count"], second["amount"]) == (1, failed.amount)
    assert cells[0] != failed.partner_reference_no
    assert await desk.content(file["id"]) == content


@pytest.mark.parametrize(
    ("change", "row", "field", "problem"),
    [
        (lambda lines: [*lines, f"{new_id().hex},1,PAID,,"], 8, "partner_reference_no",
         "unknown_reference"),
        (lambda lines: [*lines, lines[1]], 8, "partner_reference_no", "duplicate"),
        (lambda lines: [*lines[:2], f"{lines[2].split(',')[0]},1,PAID,,", *lines[3:]], 3, "amount",
         "other_amount"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_about_the_file_is_refused_as_a_whole(
    session: AsyncSession,
    database: Database,
    desk: Desk,
    run_id: UUID,
    change: Callable[[list[str]], list[str]],
    row: int,
    field: str,
    problem: str,
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    lines = answer_to(content, *["PAID"] * 6).splitlines()

    refused = await desk.answer(file["id"], "\r\n".join(change(lines)) + "\r\n")
    await apply_answers(database)

    assert refused["code"] == "payout_answer_refused"
    assert refused["details"]["rows"] == [{"row": row, "field": field, "problem": problem}]
    assert await desk.answers(file["id"]) == []
    assert set(await statuses(session, run_id)) == {"sent"}
    account_nos = {cells[2] for cells in rows_of(content)}
    assert not [each for each in account_nos if each in str(refused)]


async def test_an_answer_cannot_undo_what_was_paid(
    session: AsyncSession, database: Database, desk: Desk, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    await desk.decide(await desk.answer(file["id"], answer_to(content, "PAID")))
    await apply_answers(database)

    refused = await desk.answer(file["id"], answer_to(content, "FAILED"))
    returned = await desk.answer(file["id"], answer_to(content, "RETURNED"))
    await desk.decide(returned)
    await apply_answers(database)

    assert refused["details"]["rows"] == [
        {"row": 2, "field": "status", "problem": "status_not_possible"}
    ]
    assert "returned" in await statuses(session, run_id)


async def test_two_people_let_an_answer_count_and_one_answer_waits_at_a_time(
    session: AsyncSession, database: Database, desk: Desk, officer: Officer, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    first = officer()
    answer = await desk.answer(file["id"], answer_to(content, "PAID"), by=first)

    own = await desk.decide(answer, by=first)
    other = await desk.answer(file["id"], answer_to(content, "FAILED"))
    rejected = await desk.decide(answer, "rejected", by=first)
    late = await desk.decide(answer)
    anew = await desk.answer(file["id"], answer_to(content, "PAID"))
    await apply_answers(database)

    assert (own["code"], other["code"]) == ("own_payout_answer", "payout_answer_open")
    assert (rejected["status"], late["code"]) == ("rejected", "payout_answer_decided")
    assert (anew["status"], anew["id"] != answer["id"]) == ("proposed", True)
    assert set(await statuses(session, run_id)) == {"sent"}


async def count(session: AsyncSession, table: str) -> int:
    found: int = (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608 - a name of this test
    return found


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
