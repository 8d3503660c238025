"""What the officer who decides on an answer sees of it: each row, and what it will do."""

import json
from itertools import product
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.office import list_transfers
from payment_service_tests.payout_files.desk import (
    FILES,
    Desk,
    Officer,
    answer_to,
    count_contradictions,
    rows_of,
    statuses,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_files.rules import RowEffect, find_effect
from payment_service.payout_files.tasks import apply_answers
from payment_service.payout_formats.rules import Outcome
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import Report, TransferSource, TransferStatus
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.network import Wire

SETTLES, NONE, REFUSED = RowEffect.SETTLES, RowEffect.NONE, RowEffect.REFUSED
BY_BANK = Report(TransferSource.BANK_FILE)
EXPECTED = {
    ("sent", "paid"): SETTLES,
    ("sent", "failed"): SETTLES,
    ("sent", "returned"): SETTLES,
    ("unknown", "paid"): SETTLES,
    ("unknown", "failed"): SETTLES,
    ("unknown", "returned"): SETTLES,
    ("paid", "paid"): NONE,
    ("paid", "returned"): SETTLES,
    ("failed", "failed"): NONE,
    ("failed", "paid"): SETTLES,
    ("returned", "returned"): NONE,
    ("returned", "paid"): NONE,
    ("created", "failed"): SETTLES,
}
"""All others are refused."""


@pytest.mark.parametrize(("at", "outcome"), list(product(TransferStatus, Outcome)))
def test_a_row_does_what_the_status_of_its_transfer_allows(
    at: TransferStatus, outcome: Outcome
) -> None:
    effect = find_effect(at, outcome, may_be_paid_late=True)

    assert effect is EXPECTED.get((at.value, outcome.value), REFUSED)


def test_what_was_tried_again_or_given_up_is_not_paid_late() -> None:
    assert find_effect(TransferStatus.FAILED, Outcome.PAID, may_be_paid_late=False) is REFUSED
    assert find_effect(TransferStatus.FAILED, Outcome.FAILED, may_be_paid_late=False) is NONE
    assert find_effect(TransferStatus.SENT, Outcome.PAID, may_be_paid_late=False) is SETTLES


class Rows:
    """Asks for the rows of answers."""

    def __init__(self, client: httpx.AsyncClient, officer: Officer) -> None:
        self._client, self._officer = client, officer

    async def ask(self, file_id: str, answer_id: str, **params: str) -> httpx.Response:
        path = f"{FILES}/{file_id}/answers/{answer_id}/rows"
        return await self._client.get(path, params=params, headers=self._officer())

    async def list_all(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        answered = await self.ask(answer["file_id"], answer["id"])
        assert answered.status_code == 200, answered.text
        found: list[dict[str, Any]] = answered.json()["items"]
        return found


@pytest.fixture
def rows(client: httpx.AsyncClient, officer: Officer) -> Rows:
    return Rows(client, officer)


def tell_names(request: httpx.Request) -> httpx.Response:
    """Answer as agent-service does, which is asked for names."""
    ((field, ids),) = json.loads(request.content).items()
    key, name = ("agent_id", "full_name") if field == "agent_ids" else ("wadah_id", "name")
    return httpx.Response(
        200, json={"items": [{key: id_, name: f"Nama {id_[-4:]}"} for id_ in ids]}
    )


async def test_an_officer_sees_whom_each_row_pays_and_what_it_will_do(
    session: AsyncSession, desk: Desk, rows: Rows, run_id: UUID, wire: Wire
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    answer = await desk.answer(file["id"], answer_to(content, "PAID", "FAILED"))
    wire.answer("agent", tell_names)

    first, second = await rows.list_all(answer)

    cells = rows_of(content)
    sent = {
        each.partner_reference_no: each for each in await session.scalars(select(PayoutTransfer))
    }
    for row, (reference, bank_code, account_no, _, amount, *_rest) in zip(
        (first, second), cells, strict=False
    ):
        transfer = sent[reference]
        payout = await session.get_one(Payout, transfer.payout_id)
        assert (row["payout_id"], row["transfer_id"]) == (str(payout.id), str(transfer.id))
        assert (row["bank_code"], row["amount"]) == (bank_code, int(amount))
        assert row["account_no"] == "******" + account_no[-4:]
        assert row["payee_name"] == f"Nama {str(payout.payee_id)[-4:]}"
        assert (row["transfer_status"], row["is_applied"]) == ("sent", False)
    assert [(row["position"], row["outcome"], row["effect"]) for row in (first, second)] == [
        (1, "paid", "settles"),
        (2, "failed", "settles"),
    ]
    assert (first["reference_no"], second["response_code"]) == ("BANK-1", "R13")


async def test_reading_the_rows_is_recorded(
    session: AsyncSession, desk: Desk, rows: Rows, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    answer = await desk.answer(file["id"], answer_to(content, *["PAID"] * file["row_count"]))

    await rows.list_all(answer)

    agents = await session.scalars(select(Payout.payee_id).where(Payout.payee_kind == "agent"))
    reads = (await session.scalars(select(ReadAudit))).all()
    assert [set(each.ids) for each in reads if each.kind.endswith("/rows")] == [set(agents)]


async def test_an_applied_row_has_no_effect_any_more(
    session: AsyncSession, database: Database, desk: Desk, rows: Rows, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    answer = await desk.answer(file["id"], answer_to(await desk.content(file["id"]), "PAID"))
    await desk.decide(answer)
    await apply_answers(database)

    (row,) = await rows.list_all(answer)

    assert (row["transfer_status"], row["is_applied"], row["effect"]) == ("paid", True, None)


async def test_a_rejected_row_has_no_effect(desk: Desk, rows: Rows, run_id: UUID) -> None:
    file = await desk.make(run_id)
    answer = await desk.answer(file["id"], answer_to(await desk.content(file["id"]), "PAID"))
    await desk.decide(answer, "rejected")

    (row,) = await rows.list_all(answer)

    assert (row["is_applied"], row["effect"]) == (False, None)


async def test_what_was_settled_otherwise_since_the_upload_is_shown_and_then_does_what_was_said(
    session: AsyncSession, database: Database, desk: Desk, rows: Rows, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    answer = await desk.answer(file["id"], answer_to(content, "PAID", "FAILED", "PAID", "PAID"))
    sent = {each.partner_reference_no: each for each in await list_transfers(session, run_id)}
    same, opposite, given_up, open_ = [sent[cells[0]] for cells in rows_of(content)[:4]]
    await payouts.mark_paid(session, same.id, BY_BANK)
    await payouts.mark_paid(session, opposite.id, BY_BANK)
    await payouts.mark_failed(session, given_up.id, BY_BANK)
    await payouts.give_up(session, given_up.payout_id, by=new_id())

    seen = await rows.list_all(answer)
    before, counted = await statuses(session, run_id), count_contradictions()
    await desk.decide(answer)
    await apply_answers(database)

    assert [row["effect"] for row in seen] == ["none", "refused", "refused", "settles"]
    assert count_contradictions() == counted + 2  # a bank may have paid these twice
    (done,) = await desk.answers(file["id"])
    assert (done["applied_count"], done["refused_count"]) == (4, 2)
    after = {each.id: each.status for each in await list_transfers(session, run_id)}
    assert [after[each.id] for each in (same, opposite, given_up, open_)] == [
        "paid",
        "paid",
        "failed",
        "paid",
    ]
    assert before.count("paid") == 2


async def test_rows_are_listed_page_by_page_in_the_order_of_the_answer(
    desk: Desk, rows: Rows, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    content = await desk.content(file["id"])
    answer = await desk.answer(file["id"], answer_to(content, *["PAID"] * 5))
    positions: list[int] = []
    pages, cursor = 0, None

    while cursor is not None or not pages:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await rows.ask(file["id"], answer["id"], **params)).json()
        positions += [row["position"] for row in page["items"]]
        pages, cursor = pages + 1, page["next_cursor"]
    odd = await rows.ask(file["id"], answer["id"], cursor="x")

    assert (positions, pages) == ([1, 2, 3, 4, 5], 3)
    assert (odd.status_code, odd.json()["code"]) == (422, "cursor_invalid")


async def test_rows_of_an_answer_to_another_file_are_not_found(
    desk: Desk, rows: Rows, run_id: UUID
) -> None:
    file = await desk.make(run_id)
    answer = await desk.answer(file["id"], answer_to(await desk.content(file["id"]), "PAID"))

    answers = [
        await rows.ask(str(new_id()), answer["id"]),
        await rows.ask(file["id"], str(new_id())),
    ]

    assert [each.json()["code"] for each in answers] == ["payout_answer_not_found"] * 2
