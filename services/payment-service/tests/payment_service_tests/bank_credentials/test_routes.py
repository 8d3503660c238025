"""Who replaces the credentials of a bank, and what of them is shown."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.bank_credentials.desk import NEW_SECRET, Desk
from payment_service_tests.partner_bank import Bank
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_credentials.tasks import CredentialWatch
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_change_waits_for_another_person(bank: Bank, desk: Desk) -> None:
    before = await desk.see(bank)

    proposed = await desk.propose(bank, allowed_sources=["203.0.113.0/28"])
    own = await desk.decide(bank, proposed, "ani")
    meanwhile = await desk.see(bank)
    approved = await desk.decide(bank, proposed)

    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    assert said(own) == (403, "own_credential_change")
    assert meanwhile == before
    assert approved.json()["status"] == "approved"
    assert (approved.json()["proposed_by"], approved.json()["decided_by"]) == (
        str(desk.ids["ani"]),
        str(desk.ids["budi"]),
    )
    after = await desk.see(bank)
    assert (after["status"], after["allowed_sources"]) == ("active", ["203.0.113.0/28"])
    assert after["previous_allowed_sources"] == before["allowed_sources"]
    assert after["previous_sources_until"] == approved.json()["previous_until"]


@pytest.mark.parametrize("name", ["ani", "budi"])
async def test_a_rejected_change_changes_nothing(bank: Bank, desk: Desk, name: str) -> None:
    before = await desk.see(bank)
    proposed = await desk.propose(bank, client_secret=NEW_SECRET)

    rejected = await desk.decide(bank, proposed, name, "rejected")
    again = await desk.decide(bank, proposed)

    assert (rejected.json()["status"], rejected.json()["previous_until"]) == ("rejected", None)
    assert said(again) == (409, "credential_change_decided")
    assert await desk.see(bank) == before


async def test_a_new_secret_is_shown_once(bank: Bank, desk: Desk, session: AsyncSession) -> None:
    proposed = await desk.propose(bank, replaces_client_secret=True)
    secret = proposed.json()["client_secret"]
    approved = await desk.decide(bank, proposed)

    assert len(secret) >= 60
    shown = [await desk.see(bank), await desk.see(bank, "/credential-changes"), approved.json()]
    assert not [each for each in shown if secret in str(each) or bank.client_secret in str(each)]
    assert shown[1]["items"][0]["replaces_client_secret"] is True
    row = (await session.execute(text("SELECT * FROM bank_credential_changes"))).one()
    assert secret.encode() not in b"".join(each for each in row if isinstance(each, bytes))


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ({}, "credentials_unchanged"),
        ({"allowed_sources": []}, "credentials_unchanged"),
        ({"public_key_pem": "x" * 200}, "bank_key_unusable"),
        ({"allowed_sources": ["here"]}, "source_unusable"),
        ({"allowed_sources": ["203.0.113.7"], "overlap_days": 91}, "invalid"),
        ({"client_secret": "short"}, "invalid"),
    ],
)
async def test_what_changes_nothing_or_cannot_be_used_is_refused(
    bank: Bank, desk: Desk, new: dict[str, Any], code: str
) -> None:
    assert said(await desk.propose(bank, **new)) == (422, code)


async def test_a_bank_has_one_open_change(bank: Bank, desk: Desk) -> None:
    await desk.propose(bank, client_secret=NEW_SECRET)

    again = await desk.propose(bank, "budi", allowed_sources=["203.0.113.7"])

    assert said(again) == (409, "credential_change_open")


async def test_no_third_credential_is_valid_beside_two(bank: Bank, desk: Desk) -> None:
    first = await desk.change(bank, client_secret=NEW_SECRET)
    addresses = await desk.change(bank, allowed_sources=["203.0.113.7"])
    third = await desk.propose(bank, client_secret="t" * 48)

    refused = await desk.decide(bank, third)
    await desk.end(bank, first)
    approved = await desk.decide(bank, third)

    assert addresses.json()["status"] == "approved"
    assert said(refused) == (409, "credentials_overlap")
    assert approved.json()["status"] == "approved"


async def test_the_database_holds_the_four_eyes(
    bank: Bank, desk: Desk, session: AsyncSession
) -> None:
    await desk.propose(bank, client_secret=NEW_SECRET)

    with pytest.raises(IntegrityError, match="four_eyes"):
        async with session.begin_nested():
            await session.execute(
                text(
                    "UPDATE bank_credential_changes SET status = 'approved', decided_at = now(),"
                    " decided_by = proposed_by, previous_until = now()"
                )
            )


async def test_a_change_of_another_bank_is_not_found(
    bank: Bank, desk: Desk, make_bank: Any
) -> None:
    other = await make_bank(company_code="88002")
    proposed = await desk.propose(bank, client_secret=NEW_SECRET)

    answers = [await desk.decide(other, proposed), await desk.end(other, proposed)]

    assert [said(each) for each in answers] == [(404, "credential_change_not_found")] * 2


@pytest.mark.parametrize(("left", "ending"), [(-1, 0), (6, 1), (8, 0)])
async def test_previous_credentials_that_end_soon_are_counted(
    *,
    bank: Bank,
    desk: Desk,
    session: AsyncSession,
    database: Database,
    settings: Settings,
    left: int,
    ending: int,
) -> None:
    await desk.change(bank, client_secret=NEW_SECRET)
    await session.refresh(bank.partner)
    bank.partner.previous_client_secret_until = clock.real_now() + timedelta(days=left)
    await session.flush()

    await CredentialWatch(settings).run(database)

    assert REGISTRY.get_sample_value("perisai_bank_credentials_ending") == ending
