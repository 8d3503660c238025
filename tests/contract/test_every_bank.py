"""The sandbox's bank against payment-service, once for every way a bank speaks SNAP BI."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.conftest import Platform
from stage.connections import connect

from gateway.edge.routes import SNAP_ENDINGS
from gateway.settings import Settings as GatewaySettings
from payment_service.callbacks.routes import PATHS, PREFIXES
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.testing.network import Tokens
from sandbox.demo.clients import Actor, Bank
from sandbox.demo.people import member_body, new_adult
from sandbox.fakebank.app import create_app
from sandbox.seed import BANKS, ensure_partner
from sandbox.vault import load_bank_keys, load_secrets
from snap_bi.profiles import PROFILES
from snap_bi.virtual_account import compute_check_digit

BRANCH = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
COUNTRY = {"kind": ScopeKind.COUNTRY}
CUSTOMER_NO_LENGTHS = {"generic-hmac": 18, "generic-rsa": 18, "bca": 18, "bri": 13}
REPEATED = {"generic-hmac": "2002500", "generic-rsa": "2002500", "bca": "4042518", "bri": "2002500"}


@dataclass
class Town:
    """A platform with one bank of every profile, an officer and a finance officer."""

    platform: Platform = field(repr=False)
    bank: Bank
    members: Actor
    payments: Actor
    finance: Actor
    partners: dict[str, dict[str, Any]] = field(repr=False)

    async def issue_bill(self) -> dict[str, Any]:
        today = clock.today()
        member = member_body(new_adult(today), at=clock.now())
        await self.members.post("/v1/members", member)
        asked = {"member_id": member["id"], "first_month": f"{today:%Y-%m}", "month_count": 1}
        return dict(await self.payments.post("/v1/bills", asked))

    async def paying_accounts(self) -> dict[str, str | None]:
        """Return what was published of the accounts that paid, by bill."""
        async with connect(self.platform.urls["payment"].owner) as connection:
            rows = await connection.fetch(
                "SELECT data ->> 'bill_id', data ->> 'paying_account' FROM events"
                " WHERE type = 'payment.settled.v1'"
            )
        return dict(map(tuple, rows))


@pytest.fixture(scope="module")
async def town(
    platform: Platform, tokens: Tokens, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Let the banks join as the sandbox does."""
    folder: Path = tmp_path_factory.mktemp("bank")
    wire = platform.apps["payment"].state.kit.http_transport
    officer = tokens.make(Role.BRANCH_OFFICER, scope=BRANCH)
    treasurer, activator = (
        actor_at(platform, "payment", tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY))
        for _ in range(2)
    )

    async def sign_in_activator() -> Actor:
        return activator

    secrets = load_secrets(folder)
    partners = {
        played.profile: await ensure_partner(
            treasurer,
            played,
            secrets.banks[played.profile],
            load_bank_keys(folder, played.profile),
            sign_in_activator=sign_in_activator,
            bank_url=bank_url,
            gateway_url="http://payment",
        )
        for bank_url in ("http://elsewhere", "http://fakebank")  # a second start on other ports
        for played in BANKS
    }
    config = folder / "fakebank.json"
    config.write_text(json.dumps({"partners": list(partners.values())}))
    app = create_app({"PERISAI_FAKEBANK_CONFIG": str(config)}, transport=wire)
    wire.mount("fakebank", app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://fakebank") as bank:
        yield Town(
            platform,
            Bank(bank),
            members=actor_at(platform, "member", officer),
            payments=actor_at(platform, "payment", officer),
            finance=treasurer,
            partners=partners,
        )


def actor_at(platform: Platform, service: str, headers: dict[str, str]) -> Actor:
    token = headers["Authorization"].removeprefix("Bearer ")
    return Actor(platform.clients[service], device_id="contract", access_token=token)


def account_at(bill: dict[str, Any], partner: dict[str, Any]) -> dict[str, Any]:
    (found,) = [
        each for each in bill["virtual_accounts"] if each["partner_id"] == partner["partner_id"]
    ]
    account: dict[str, Any] = found
    return account


def test_the_sandbox_plays_every_profile() -> None:
    assert [played.profile for played in BANKS] == list(PROFILES)


def test_the_gateway_lets_every_profile_pass() -> None:
    passed = {
        prefix + ending
        for prefix in GatewaySettings.model_fields["snap_prefixes"].default
        for ending in SNAP_ENDINGS
    }

    assert passed == {prefix + path for prefix in PREFIXES for path in PATHS}
    assert {profile.public_prefix for profile in PROFILES.values()} == set(PREFIXES)
    assert {path: str(service) for path, service in PATHS.items()} == SNAP_ENDINGS


async def test_a_second_start_makes_no_second_partner(town: Town) -> None:
    found = await town.finance.get("/v1/bank-partners")

    assert [each["profile"] for each in found["items"]] == list(PROFILES)
    assert {each["base_url"] for each in found["items"]} == {"http://fakebank"}
    assert {each["status"] for each in found["items"]} == {"active"}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
async def test_a_bill_has_an_account_at_every_bank_in_its_length(town: Town, profile: Any) -> None:
    account = account_at(await town.issue_bill(), town.partners[profile.name])

    assert len(account["customer_no"]) == CUSTOMER_NO_LENGTHS[profile.name]
    assert compute_check_digit(account["customer_no"]) == "0"
    assert account["number"] == account["company_code"] + account["customer_no"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_bill_is_paid_at_the_bank_of_any_profile(town: Town, profile: str) -> None:
    bill = await town.issue_bill()
    account = account_at(bill, town.partners[profile])

    paid = await town.bank.pay(account["number"])

    assert (paid["outcome"], paid["amount"]) == ("paid", bill["amount"])
    assert [call["response_code"] for call in paid["calls"]] == ["2002400", "2002500"]
    assert (await town.finance.get(f"/v1/bills/{bill['id']}"))["status"] == "paid"
    (payment,) = (await town.finance.get("/v1/payments", bill_id=bill["id"]))["items"]
    assert payment["partner_id"] == town.partners[profile]["partner_id"]


async def test_the_account_of_a_customer_is_another_one_at_each_bank(town: Town) -> None:
    bills = [await town.issue_bill() for _ in (*PROFILES, "again")]
    profiles = [*PROFILES, "bri"]

    for bill, profile in zip(bills, profiles, strict=True):
        number = account_at(bill, town.partners[profile])["number"]
        paid = await town.bank.pay(number, paid_from="1002003004")
        assert paid["outcome"] == "paid"

    found = await town.paying_accounts()
    hashes = {profile: found[bill["id"]] for bill, profile in zip(bills, profiles, strict=True)}
    assert None not in hashes.values()
    assert len({*hashes.values()}) == len(PROFILES)
    assert found[bills[-1]["id"]] == found[bills[profiles.index("bri")]["id"]]


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_bank_reads_every_repeat_as_paid(town: Town, profile: str) -> None:
    bill = await town.issue_bill()
    number = account_at(bill, town.partners[profile])["number"]

    repeated = await town.bank.pay(number, mode="repeat", times=3)
    advised = await town.bank.pay(
        number,
        mode="ok",
        inquire=False,
        amount=bill["amount"],
        payment_request_id=repeated["payment_request_id"],
    )

    flags = [call for call in repeated["calls"] if call["service"] == "25"]
    assert [call["response_code"] for call in flags] == ["2002500", *[REPEATED[profile]] * 2]
    assert {call["reading"] for call in flags} == {"paid"}
    assert advised["outcome"] == "paid"
    assert len((await town.finance.get("/v1/payments", bill_id=bill["id"]))["items"]) == 1


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_bank_can_be_asked_what_became_of_it(town: Town, profile: str) -> None:
    partner = town.partners[profile]
    bill = await town.issue_bill()
    number = account_at(bill, partner)["number"]
    paid = await town.bank.pay(number)
    path = f"/v1/bank-partners/{partner['partner_id']}/status-inquiries"

    known, unknown = [
        await town.finance.post(path, {"virtual_account_no": number, "payment_request_id": each})
        for each in (paid["payment_request_id"], "never-sent")
    ]

    assert (known["status"], known["paid_amount"]) == ("paid", bill["amount"])
    assert (unknown["status"], unknown["response_code"]) == ("not_found", "4042601")


@pytest.mark.parametrize("profile", PROFILES)
async def test_both_sides_show_the_same_string_to_sign(town: Town, profile: str) -> None:
    partner = town.partners[profile]
    number = account_at(await town.issue_bill(), partner)["number"]
    paid = await town.bank.pay(number)
    corrupted = await town.bank.pay(
        account_at(await town.issue_bill(), partner)["number"], mode="corrupt_signature"
    )

    seen = await town.finance.get(f"/v1/bank-partners/{partner['partner_id']}/requests", limit=4)

    theirs = [call["string_to_sign"] for call in [*paid["calls"], *corrupted["calls"]]]
    assert [each["string_to_sign"] for each in reversed(seen["items"])] == theirs
    assert [each["verdict"] for each in seen["items"]] == [None, "answered", "settled", "answered"]
    assert seen["items"][0]["failed_check"] == "signature"
