"""What a bank's engineer may see of the bank's calls, and what nobody may see."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.models import UnprovenRequest
from payment_service.bank_access.rules import CallbackCheck
from payment_service.bank_access.service import UNPROVEN_KEPT
from payment_service.bank_access.unproven import ALL_NOTED_A_MINUTE, NOTED_A_MINUTE, UnprovenNotes
from payment_service.bills.schemas import BillOut
from payment_service.callbacks import tasks
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens
from snap_bi.profiles import PROFILES, ReplayAnswer
from snap_bi.verification import mask_token

COUNTRY = {"kind": ScopeKind.COUNTRY}
MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
See = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def see(snap_client: httpx.AsyncClient, tokens: Tokens) -> See:
    """Return what the finance officer sees of a bank's calls."""

    async def see_(bank: Bank, **params: Any) -> list[dict[str, Any]]:
        answer = await snap_client.get(
            f"/v1/bank-partners/{bank.partner.id}/requests",
            params=params,
            headers=tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY),
        )
        assert answer.status_code == 200
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    return see_


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_signed_message_is_shown_with_what_it_came_to(
    make_bank: MakeBank, session: AsyncSession, issue_bill: IssueBill, see: See, profile: str
) -> None:
    bank = await make_bank(profile=profile, replay_answer=ReplayAnswer.STORED_SUCCESS)
    message = payment_of(await issue_bill(session), bank.partner)
    await bank.pay(message, number="4711")

    (shown,) = await see(bank)

    target = f"{bank.profile.public_prefix}/transfer-va/payment"
    assert shown["service"] == "25"
    assert shown["target"] == target
    assert (shown["verdict"], shown["failed_check"]) == ("settled", None)
    assert (shown["http_status"], shown["response_code"]) == (200, "2002500")
    assert shown["response_message"] == "Successful"
    assert shown["signed_over"] == "lexical_minify"
    assert (shown["external_id"], shown["request_id"]) == ("4711", message["paymentRequestId"])
    token = f":{mask_token(bank.token)}" if bank.profile.needs_token else ""
    assert shown["string_to_sign"].startswith(f"POST:{target}{token}:")
    assert shown["string_to_sign"].endswith(f":{shown['timestamp']}")


async def test_calls_are_listed_newest_first_and_page_by_page(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    await bank.inquire(inquiry_of(bill, bank.partner), number="1")
    await bank.inquire(inquiry_of(bill, bank.partner), number="2", x_signature="AAAA")
    await bank.pay(payment_of(bill, bank.partner), number="3")
    address = f"/v1/bank-partners/{bank.partner.id}/requests"
    finance = tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)

    first = (await snap_client.get(address, params={"limit": 2}, headers=finance)).json()
    rest = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await snap_client.get(address, params=rest, headers=finance)).json()

    assert [each["external_id"] for each in first["items"]] == ["3", "2"]
    assert [each["external_id"] for each in second["items"]] == ["1"]
    assert second["next_cursor"] is None


async def test_a_repeat_names_the_request_that_was_answered_first(
    bank: Bank, bill: BillOut, see: See
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay(message)
    await bank.pay(message)

    repeated, first = await see(bank)

    assert (repeated["verdict"], repeated["first_id"]) == ("repeated", first["id"])
    assert first["payment_id"]


async def test_the_form_of_the_body_that_was_signed_is_named(
    bank: Bank, bill: BillOut, see: See
) -> None:
    content = json.dumps(inquiry_of(bill, bank.partner)).encode()
    await bank.send("/transfer-va/inquiry", content, sent=content + b" ")
    await bank.send("/transfer-va/inquiry", content, sent=content.replace(b"6011", b"6012"))

    changed, padded = await see(bank)

    assert (padded["signed_over"], padded["verdict"]) == ("lexical_minify", "answered")
    assert (changed["signed_over"], changed["failed_check"]) == (None, "signature")


@pytest.mark.parametrize(
    ("wrong", "check", "message"),
    [
        ({"x_signature": "0" * 128}, "signature", "Unauthorized. [Signature]"),
        ({"late_s": 400}, "timestamp", "Unauthorized. [Timestamp]"),
        ({"x_client_key": "nobody"}, "client", "Unauthorized. [Unknown client]"),
        ({"authorization": "Bearer dead"}, "token", "Invalid Token (B2B)"),
        ({"authorization": None}, "token", "Invalid Token (B2B)"),
        ({"x_external_id": "abc"}, "headers", "Invalid Field Format X-EXTERNAL-ID"),
        ({"channel_id": None}, "headers", "Invalid Mandatory Field CHANNEL-ID"),
        ({"x_signature": None}, "headers", "Invalid Mandatory Field X-SIGNATURE"),
    ],
)
async def test_a_call_that_was_not_believed_says_at_which_check(
    *,
    bank: Bank,
    bill: BillOut,
    see: See,
    wrong: dict[str, Any],
    check: str,
    message: str,
) -> None:
    sent = payment_of(bill, bank.partner)
    at = clock.real_now() - timedelta(seconds=wrong.get("late_s", 0))
    headers = {name: value for name, value in wrong.items() if name != "late_s"}
    await bank.pay(sent, at=at, **headers)

    (shown,) = await see(bank)

    assert (shown["verdict"], shown["failed_check"]) == (None, check)
    assert shown["response_message"] == message
    assert shown["request_id"] == sent["paymentRequestId"]
    assert shown["source"] == "127.0.0.1"
    # Where the headers could be read at all, whether the signature would have been right.
    is_right = check in ("timestamp", "client")
    assert (shown["signed_over"] is not None) == is_right
    assert (shown["string_to_sign"] is not None) == (check != "headers")


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"x_signature": "AAAA"}, "signature"),
        ({"x_timestamp": "now"}, "headers"),
        ({"content": b"{}"}, "grant"),
        ({"content": b"{"}, "grant"),
    ],
)
async def test_a_refused_call_for_a_token_is_shown_too(
    bank: Bank, see: See, wrong: dict[str, Any], check: str
) -> None:
    await bank.ask_token(**wrong)

    (shown,) = await see(bank)

    assert (shown["service"], shown["failed_check"]) == ("73", check)
    if check == "signature":
        assert shown["string_to_sign"] == f"{bank.partner.client_id}|{shown['timestamp']}"


async def test_an_address_that_is_not_on_the_list_is_shown_to_be_put_there(
    make_bank: MakeBank, see: See
) -> None:
    bank = await make_bank(allowed_sources=["203.0.113.7"])
    await bank.ask_token(x_forwarded_for="198.51.100.9")

    (shown,) = await see(bank)

    assert (shown["failed_check"], shown["source"]) == ("source", "198.51.100.9")


async def test_nothing_of_the_content_and_no_secret_is_shown(
    bank: Bank, bill: BillOut, see: See, session: AsyncSession
) -> None:
    sent = payment_of(bill, bank.partner, virtualAccountPhone="6281234567890")
    await bank.pay(sent)
    await bank.pay(sent, x_signature="0" * 128, x_timestamp="Siti Aminah")
    await bank.pay({**sent, "paymentRequestId": "Siti Aminah"}, authorization="Bearer dead")

    shown = json.dumps(await see(bank))
    stored = await session.scalars(select(UnprovenRequest.request_id))

    assert "Aminah" not in shown
    assert "6281234567890" not in shown
    assert sent["customerNo"] not in shown
    for secret in (bank.token, bank.client_secret, "0" * 128):
        assert secret not in shown
    assert set(stored) == {sent["paymentRequestId"], None}


async def test_a_call_in_nobodys_name_is_not_kept(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    message = payment_of(bill, bank.partner)
    await bank.pay(message, authorization=None, x_partner_id="nobody")
    await bank.ask_token(x_client_key="nobody")

    assert await session.scalar(select(func.count()).select_from(UnprovenRequest)) == 0


def test_unproven_calls_in_one_partners_name_are_kept_up_to_a_limit() -> None:
    notes = UnprovenNotes()
    one, other = new_id(), new_id()

    noted = [notes.may_note(one, is_likely=False, at=60.0 + n) for n in range(NOTED_A_MINUTE + 5)]

    assert noted == [True] * NOTED_A_MINUTE + [False] * 5
    assert notes.may_note(other, is_likely=False, at=90)
    assert notes.may_note(one, is_likely=False, at=120)


def test_unproven_calls_in_all_names_are_kept_up_to_a_limit_and_hide_no_likely_ones() -> None:
    notes = UnprovenNotes()
    partners = [new_id() for _ in range(50)]

    noted = [notes.may_note(each, is_likely=False, at=60) for each in partners for _ in range(30)]

    assert sum(noted) == ALL_NOTED_A_MINUTE
    assert [notes.may_note(each, is_likely=True, at=61) for each in partners] == [True] * 50


async def test_unproven_calls_beyond_the_limit_are_not_kept(
    bank: Bank, bill: BillOut, session: AsyncSession
) -> None:
    message = payment_of(bill, bank.partner)
    for _ in range(2 * NOTED_A_MINUTE + 1):  # a new minute may begin meanwhile
        answer = await bank.pay(message, x_signature="AAAA")
        assert answer.json()["responseCode"] == "4012500"

    kept = await session.scalar(select(func.count()).select_from(UnprovenRequest))

    assert kept is not None
    assert NOTED_A_MINUTE <= kept <= 2 * NOTED_A_MINUTE


async def test_only_the_newest_of_each_partner_are_kept(
    make_bank: MakeBank, session: AsyncSession, database: Database
) -> None:
    busy, quiet = await make_bank(), await make_bank(company_code="88002")
    counts = {busy.partner.id: UNPROVEN_KEPT + 7, quiet.partner.id: 3}
    for partner_id, count in counts.items():
        session.add_all(
            UnprovenRequest(
                id=new_id(),
                partner_id=partner_id,
                service="25",
                received_at=clock.real_now(),
                source="",
                target="",
                external_id=str(place),
                failed_check=CallbackCheck.SIGNATURE,
                http_status=401,
                response_code="4012500",
                response_message="",
            )
            for place in range(count)
        )
    await session.flush()

    await tasks.every_ten_minutes(database)

    rows = await session.execute(select(UnprovenRequest.partner_id, UnprovenRequest.external_id))
    kept = [(owner, int(number or 0)) for owner, number in rows]
    assert sorted(number for owner, number in kept if owner == quiet.partner.id) == [0, 1, 2]
    of_busy = sorted(number for owner, number in kept if owner == busy.partner.id)
    assert of_busy == list(range(7, UNPROVEN_KEPT + 7))


async def test_another_partners_calls_are_not_in_the_list(
    bank: Bank, bill: BillOut, make_bank: MakeBank, see: See
) -> None:
    other = await make_bank(company_code="88002")
    await bank.pay(payment_of(bill, bank.partner))

    assert await see(other) == []


async def test_a_bank_s_engineer_sees_the_own_bank_s_calls_only(
    bank: Bank, bill: BillOut, snap_client: httpx.AsyncClient, make_bank: MakeBank, tokens: Tokens
) -> None:
    other = await make_bank(company_code="88002")
    await bank.inquire(inquiry_of(bill, bank.partner), number="1", x_signature="AAAA")
    scope = {"kind": ScopeKind.BANK_PARTNER, "code": str(bank.partner.id)}
    engineer = tokens.make(Role.BANK_ENGINEER, scope=scope)

    own, foreign = [
        await snap_client.get(f"/v1/bank-partners/{each.partner.id}/requests", headers=engineer)
        for each in (bank, other)
    ]

    (shown,) = own.json()["items"]
    assert (shown["external_id"], shown["failed_check"]) == ("1", "signature")
    assert shown["string_to_sign"].startswith("POST:")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "bank_partner_not_found")


SEES_THEM = {Role.ADMIN, Role.FINANCE_OFFICER, Role.BANK_ENGINEER}


@pytest.mark.parametrize("role", [role for role in Role if role not in SEES_THEM])
async def test_nobody_else_sees_them(
    snap_client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    address = f"/v1/bank-partners/{new_id()}/requests"

    answer = await snap_client.get(address, headers=tokens.make(role))

    assert answer.status_code == 403


async def test_an_unknown_partner_is_not_found(
    snap_client: httpx.AsyncClient, tokens: Tokens
) -> None:
    address = f"/v1/bank-partners/{new_id()}/requests"

    answer = await snap_client.get(address, headers=tokens.make(Role.ADMIN))

    assert answer.json()["code"] == "bank_partner_not_found"
