"""An X-EXTERNAL-ID is a number or a text, as agreed with the bank, and is compared as sent."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.callbacks.models import Callback, ExternalId
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.testing.plugin import Tokens
from snap_bi.profiles import PROFILES, ExternalIdFormat, ReplayAnswer

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
See = Callable[[Bank], Awaitable[list[dict[str, Any]]]]

UUID_TEXT = "8b1f6c1e-2f7e-4d0b-9f0a-5b8e4b6a1c11"
TEXTS = [UUID_TEXT, UUID_TEXT.upper(), "a", "A/b:c_d.e~!", "0000012", "x" * 36]


@pytest.fixture
def partner_cache_s() -> float:
    return 0


@pytest.fixture
async def text_bank(bank: Bank, session: AsyncSession) -> Bank:
    bank.partner.external_id_format = ExternalIdFormat.TEXT36
    await session.flush()
    return bank


@pytest.fixture
def see(snap_client: httpx.AsyncClient, tokens: Tokens) -> See:
    async def see_(bank: Bank) -> list[dict[str, Any]]:
        answer = await snap_client.get(
            f"/v1/bank-partners/{bank.partner.id}/requests",
            headers=tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}),
        )
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    return see_


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_uuid_is_taken_from_a_bank_that_sends_text(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, see: See, profile: str
) -> None:
    bank = await make_bank(
        profile=profile,
        replay_answer=ReplayAnswer.STORED_SUCCESS,
        external_id_format=ExternalIdFormat.TEXT36,
    )
    bill = await issue_bill(session)
    asked, paid = str(uuid4()), str(uuid4())

    answers = [
        await bank.inquire(inquiry_of(bill, bank.partner), number=asked),
        await bank.pay(payment_of(bill, bank.partner), number=paid),
    ]

    assert [each.json()["responseCode"] for each in answers] == ["2002400", "2002500"]
    assert [each["external_id"] for each in await see(bank)] == [paid, asked]


@pytest.mark.parametrize("sent", TEXTS)
async def test_a_text_is_stored_as_sent(
    text_bank: Bank, bill: BillOut, session: AsyncSession, sent: str
) -> None:
    answer = await text_bank.pay(payment_of(bill, text_bank.partner), number=sent)

    assert answer.json()["responseCode"] == "2002500"
    assert (await session.scalars(select(Callback.external_id))).all() == [sent]
    assert (await session.scalars(select(ExternalId.external_id))).all() == [sent]


@pytest.mark.parametrize(
    ("first", "second"), [("0000012", "12"), (UUID_TEXT, UUID_TEXT.upper()), ("1e1", "10")]
)
async def test_two_texts_are_two_ids_on_one_day(
    text_bank: Bank, bill: BillOut, first: str, second: str
) -> None:
    answers = [
        await text_bank.inquire(inquiry_of(bill, text_bank.partner), number=number)
        for number in (first, second, first)
    ]

    codes = [answer.json()["responseCode"] for answer in answers]
    assert codes == ["2002400", "2002400", "4092400"]


async def test_zeros_in_front_make_another_number(bank: Bank, bill: BillOut) -> None:
    answers = [
        await bank.inquire(inquiry_of(bill, bank.partner), number=number)
        for number in ("0000012", "12", "0000012")
    ]

    codes = [answer.json()["responseCode"] for answer in answers]
    assert codes == ["2002400", "2002400", "4092400"]


@pytest.mark.parametrize("sent", ["x" * 37, "a b", "a\tb", "\x7f"])
async def test_what_is_no_text_of_36_is_refused(text_bank: Bank, bill: BillOut, sent: str) -> None:
    answers = [
        await text_bank.inquire(inquiry_of(bill, text_bank.partner), x_external_id=sent),
        await text_bank.pay(payment_of(bill, text_bank.partner), x_external_id=sent),
    ]

    assert [each.json()["responseCode"] for each in answers] == ["4002401", "4002501"]
    messages = {each.json()["responseMessage"] for each in answers}
    assert messages == {"Invalid Field Format X-EXTERNAL-ID"}


async def test_a_text_from_a_bank_that_sends_numbers_is_refused_and_shown(
    bank: Bank, make_bank: MakeBank, bill: BillOut, see: See
) -> None:
    await make_bank(company_code="88002", external_id_format=ExternalIdFormat.TEXT36)
    answer = await bank.pay(payment_of(bill, bank.partner), number=UUID_TEXT)

    (shown,) = await see(bank)
    assert answer.json()["responseCode"] == "4002501"
    assert answer.json()["responseMessage"] == "Invalid Field Format X-EXTERNAL-ID"
    assert (shown["external_id"], shown["failed_check"]) == (UUID_TEXT, "headers")


async def test_a_repeat_under_the_same_text_is_the_exact_one(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill
) -> None:
    bank = await make_bank(
        profile="bca",
        replay_answer=ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT,
        external_id_format=ExternalIdFormat.TEXT36,
    )
    message = payment_of(await issue_bill(session), bank.partner)

    answers = [
        await bank.pay(message, number=number)
        for number in (UUID_TEXT, UUID_TEXT, UUID_TEXT.upper())
    ]

    codes = [answer.json()["responseCode"] for answer in answers]
    assert codes == ["2002500", "4042518", "2002500"]


async def test_the_format_takes_effect_by_two_people(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    path = f"/v1/bank-partners/{bank.partner.id}"
    ani, budi = (
        tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}) for _ in range(2)
    )
    settings = {
        "trust_bank_time": True,
        "keeps_refused_money": False,
        "external_id_format": "text36",
    }
    before = await bank.inquire(inquiry_of(bill, bank.partner), number=UUID_TEXT)

    await snap_client.post(f"{path}/suspension", headers=ani)
    changed = await snap_client.put(f"{path}/settings", json=settings, headers=ani)
    version = {"If-Match": changed.headers["ETag"]}
    own = await snap_client.post(f"{path}/activation", headers={**ani, **version})
    await snap_client.post(f"{path}/activation", headers={**budi, **version})

    after = await bank.inquire(inquiry_of(bill, bank.partner), number=UUID_TEXT)
    assert (changed.json()["external_id_format"], own.status_code) == ("text36", 403)
    codes = [answer.json()["responseCode"] for answer in (before, after)]
    assert codes == ["4002401", "2002400"]
