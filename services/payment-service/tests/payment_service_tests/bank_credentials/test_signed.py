"""A bank that changes its key, secret or addresses is answered all the time, by signed messages."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from payment_service_tests.bank_credentials.desk import NEW_SECRET, Desk
from payment_service_tests.partner_bank import Bank, inquiry_of, payment_of
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from perisai_kit.domain import clock

MakeBank = Callable[..., Awaitable[Bank]]
IssueBill = Callable[..., Awaitable[BillOut]]
Renew = Callable[..., Bank]
HERE, THERE, NOWHERE = "203.0.113.7", "198.51.100.9", "192.0.2.1"


def used_previous(bank: Bank, credential: str) -> float:
    labels = {"partner_id": str(bank.partner.id), "credential": credential}
    return REGISTRY.get_sample_value("snap_previous_credentials_total", labels) or 0.0


async def inquired(bank: Bank, bill: BillOut, **how: Any) -> str:
    """Return the code of a signed inquiry, or of the request for its token."""
    if bank.profile.needs_token and not bank.token:
        headers = {key: value for key, value in how.items() if key == "x_forwarded_for"}
        asked = await bank.ask_token(**headers)
        if asked.status_code != 200:
            return str(asked.json()["responseCode"])
        bank.token = asked.json()["accessToken"]
    answer = await bank.inquire(inquiry_of(bill, bank.partner), **how)
    return str(answer.json()["responseCode"])


async def pass_overlap(bank: Bank, session: AsyncSession, *, ago: timedelta) -> None:
    """Let the previous credentials have ended so long ago."""
    await session.refresh(bank.partner)
    for name in ("client_secret", "public_key", "sources"):
        if getattr(bank.partner, f"previous_{name}_until") is not None:
            setattr(bank.partner, f"previous_{name}_until", clock.real_now() - ago)
    await session.flush()


async def test_two_secrets_are_valid_until_the_previous_one_ends(
    bank: Bank, bill: BillOut, desk: Desk, renew: Renew, session: AsyncSession
) -> None:
    new = renew(bank, client_secret=NEW_SECRET)
    before = [await inquired(each, bill) for each in (bank, new)]

    await desk.change(bank, client_secret=NEW_SECRET)
    during = [await inquired(each, bill) for each in (bank, new)]
    await pass_overlap(bank, session, ago=timedelta(seconds=1))
    after = [await inquired(each, bill) for each in (bank, new)]

    assert before == ["2002400", "4012400"]
    assert during == ["2002400", "2002400"]
    assert after == ["4012400", "2002400"]
    assert used_previous(bank, "client_secret") == 1


async def test_two_keys_are_valid_until_the_previous_one_ends(
    *,
    bank: Bank,
    bill: BillOut,
    desk: Desk,
    renew: Renew,
    session: AsyncSession,
    new_key: rsa.RSAPrivateKey,
    new_key_pem: str,
) -> None:
    def both() -> list[Bank]:
        return [renew(bank), renew(bank, key=new_key)]

    before = [await inquired(each, bill) for each in both()]
    await desk.change(bank, public_key_pem=new_key_pem)
    during = [await inquired(each, bill) for each in both()]
    await pass_overlap(bank, session, ago=timedelta(seconds=1))
    after = [await inquired(each, bill) for each in both()]

    assert before == ["2002400", "4017300"]
    assert during == ["2002400", "2002400"]
    assert after == ["4017300", "2002400"]
    assert used_previous(bank, "public_key") == 1


async def test_two_keys_are_valid_at_a_bank_that_signs_without_a_token(
    *,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    desk: Desk,
    renew: Renew,
    session: AsyncSession,
    new_key: rsa.RSAPrivateKey,
    new_key_pem: str,
) -> None:
    bank = await make_bank(profile="generic-rsa")
    bill, new = await issue_bill(session), renew(bank, key=new_key)

    await desk.change(bank, public_key_pem=new_key_pem)
    during = [await inquired(each, bill) for each in (bank, new)]
    await pass_overlap(bank, session, ago=timedelta(seconds=1))
    after = [await inquired(each, bill) for each in (bank, new)]

    assert during == ["2002400", "2002400"]
    assert after == ["4012400", "2002400"]


@pytest.mark.parametrize(
    ("old", "new", "during", "after"),
    [
        ([HERE], [THERE], [True, True, False], [False, True, False]),
        ([], [THERE], [True, True, True], [False, True, False]),
        ([HERE], [], [True, True, True], [True, True, True]),
    ],
)
async def test_a_bank_calls_from_the_previous_addresses_until_they_end(
    *,
    make_bank: MakeBank,
    issue_bill: IssueBill,
    desk: Desk,
    renew: Renew,
    session: AsyncSession,
    old: list[str],
    new: list[str],
    during: list[bool],
    after: list[bool],
) -> None:
    bank = await make_bank(allowed_sources=old)
    bill = await issue_bill(session)

    async def answered() -> list[bool]:
        return [
            await inquired(renew(bank), bill, x_forwarded_for=each) == "2002400"
            for each in (HERE, THERE, NOWHERE)
        ]

    await desk.change(bank, allowed_sources=new)
    was_during = await answered()
    await pass_overlap(bank, session, ago=timedelta(seconds=1))

    assert was_during == during
    assert await answered() == after


async def test_an_open_bill_is_paid_through_the_whole_change(
    *,
    bank: Bank,
    bill: BillOut,
    desk: Desk,
    renew: Renew,
    session: AsyncSession,
    new_key: rsa.RSAPrivateKey,
    new_key_pem: str,
) -> None:
    new = renew(bank, key=new_key, client_secret=NEW_SECRET)
    proposed = await desk.propose(bank, public_key_pem=new_key_pem, client_secret=NEW_SECRET)
    asked = [await inquired(bank, bill)]
    await desk.decide(bank, proposed)
    asked += [await inquired(renew(bank), bill), await inquired(new, bill)]
    await pass_overlap(bank, session, ago=timedelta(days=1))

    paid = await new.pay(payment_of(bill, bank.partner))

    assert asked == ["2002400"] * 3
    assert paid.json()["responseCode"] == "2002500"
    assert (await desk.see(bank))["status"] == "active"


async def test_without_an_overlap_the_previous_secret_ends_at_once(
    bank: Bank, bill: BillOut, desk: Desk, renew: Renew
) -> None:
    await bank.take_token()

    await desk.change(bank, client_secret=NEW_SECRET, overlap_days=0)

    new = renew(bank, client_secret=NEW_SECRET)
    assert [await inquired(each, bill) for each in (bank, new)] == ["4012400", "2002400"]


async def test_one_person_ends_the_previous_secret_early(
    bank: Bank, bill: BillOut, desk: Desk, renew: Renew
) -> None:
    await bank.take_token()
    changed = await desk.change(bank, client_secret=NEW_SECRET)

    ended = await desk.end(bank, changed)
    again = await desk.end(bank, changed)

    new = renew(bank, client_secret=NEW_SECRET)
    assert [await inquired(each, bill) for each in (bank, new)] == ["4012400", "2002400"]
    assert ended.json()["ended_by"] == str(desk.ids["ani"])
    assert (again.status_code, again.json()["code"]) == (409, "credential_change_ended")


async def test_a_late_repeat_counts_by_the_secret_of_its_own_time(
    bank: Bank, bill: BillOut, desk: Desk, session: AsyncSession
) -> None:
    message, at = payment_of(bill, bank.partner), clock.real_now() - timedelta(minutes=20)
    await bank.pay(message)
    await desk.change(bank, client_secret=NEW_SECRET)
    await pass_overlap(bank, session, ago=timedelta(minutes=10))

    repeated = await bank.pay(message, at=at)
    other = await bank.pay({**message, "trxId": "another"}, at=at)
    await pass_overlap(bank, session, ago=timedelta(minutes=30))
    too_late = await bank.pay(message, at=at)

    codes = [each.json()["responseCode"] for each in (repeated, other, too_late)]
    assert codes == ["2002500", "4012500", "4012500"]


async def test_the_request_log_shows_a_signature_of_the_previous_secret_as_good(
    bank: Bank, bill: BillOut, desk: Desk
) -> None:
    await desk.change(bank, client_secret=NEW_SECRET)

    await bank.inquire(inquiry_of(bill, bank.partner), at=clock.real_now() - timedelta(hours=1))

    shown = (await desk.see(bank, "/requests"))["items"][0]
    assert (shown["failed_check"], shown["signed_over"]) == ("timestamp", "lexical_minify")
