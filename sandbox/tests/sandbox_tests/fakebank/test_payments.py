"""One request to the bank pays a virtual account; every kind of trouble is on offer."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from perisai_kit.domain import clock
from sandbox.fakebank.app import create_app
from snap_bi.answers import (
    Answer,
    build_inquiry_answer,
    build_payment_answer,
    build_refusal,
    build_token_answer,
)
from snap_bi.codes import Case, Service
from snap_bi.headers import TransactionHeaders, read_token_headers, read_transaction_headers
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest
from snap_bi.profiles import PROFILES, PartnerIdKind, Profile
from snap_bi.strict_json import parse_object
from snap_bi.timestamps import parse_timestamp
from snap_bi.verification import (
    SignedParts,
    verify_asymmetric_request,
    verify_symmetric_request,
    verify_token_request,
)

COMPANY_CODES = {"generic-hmac": "11111", "generic-rsa": "22222", "bca": "33333", "bri": "44444"}
ACCOUNT = "11111100000000000000005"


@dataclass
class Platform:
    """Verifies what the bank sends and settles bills kept in a dict: number to rupiah."""

    bank_key: RSAPrivateKey
    bills: dict[str, int] = field(default_factory=dict)
    paid: dict[str, PaymentRequest] = field(default_factory=dict)
    flags: list[tuple[TransactionHeaders, PaymentRequest]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    valid_tokens: set[str] = field(default_factory=set)
    is_reachable: bool = True

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.is_reachable:
            raise httpx.ConnectError("no gateway")
        answer = self.answer(request)
        return httpx.Response(answer.http_status, content=answer.body)

    def answer(self, request: httpx.Request) -> Answer:
        if request.url.path.endswith("/access-token/b2b"):
            return self.give_token(request)
        service = Service.INQUIRY if request.url.path.endswith("/inquiry") else Service.PAYMENT
        headers = read_transaction_headers(request.headers)
        profile = self.profile_of(headers)
        if profile.needs_token and headers.token not in self.valid_tokens:
            return build_refusal(service, Case.INVALID_TOKEN)
        if not self.verifies(request, headers, profile):
            return build_refusal(service, Case.UNAUTHORIZED, detail="Signature")
        body = parse_object(request.content)
        if service is Service.INQUIRY:
            return self.inquire(profile, InquiryRequest.read(body))
        return self.settle(profile, headers, PaymentRequest.read(body))

    def give_token(self, request: httpx.Request) -> Answer:
        headers = read_token_headers(request.headers)
        assert verify_token_request(
            client_id=headers.client_key,
            timestamp=headers.timestamp,
            signature=headers.signature,
            public_key=self.bank_key.public_key(),
        ).is_accepted
        self.tokens.append(f"secret-token-{len(self.tokens)}")
        self.valid_tokens.add(self.tokens[-1])
        return build_token_answer(self.tokens[-1])

    def profile_of(self, headers: TransactionHeaders) -> Profile:
        for name, company_code in COMPANY_CODES.items():
            by_company = PROFILES[name].partner_id_kind is PartnerIdKind.COMPANY_CODE
            if headers.partner_id == (company_code if by_company else f"client-{name}"):
                return PROFILES[name]
        raise AssertionError("an X-PARTNER-ID of nobody")

    def verifies(
        self, request: httpx.Request, headers: TransactionHeaders, profile: Profile
    ) -> bool:
        parts = SignedParts(
            method=request.method,
            target=request.url.raw_path.decode(),
            body=request.content,
            timestamp=headers.timestamp,
            signature=headers.signature,
            token=headers.token or "",
        )
        if not profile.needs_token:
            key = self.bank_key.public_key()
            return verify_asymmetric_request(profile, parts, public_key=key).is_accepted
        return verify_symmetric_request(profile, parts, secret="theirs").is_accepted

    def inquire(self, profile: Profile, request: InquiryRequest) -> Answer:
        amount = self.bills.get(request.virtual_account_no.strip())
        if amount is None:
            echo = Echo.of(request.model_dump(by_alias=True))
            return build_refusal(Service.INQUIRY, Case.INVALID_BILL, detail="Not Found", echo=echo)
        return build_inquiry_answer(profile, request, name="SITI AMINAH", amount=amount)

    def settle(
        self, profile: Profile, headers: TransactionHeaders, request: PaymentRequest
    ) -> Answer:
        self.flags.append((headers, request))
        amount = self.bills.get(request.virtual_account_no.strip())
        if amount != request.paid_amount.rupiah:
            case = Case.INVALID_BILL if amount is None else Case.INVALID_AMOUNT
            echo = Echo.of(request.model_dump(by_alias=True))
            return build_refusal(Service.PAYMENT, case, echo=echo)
        self.paid.setdefault(request.payment_request_id, request)
        return build_payment_answer(profile, request, name="SITI AMINAH", total_amount=amount)


@pytest.fixture
def platform(bank_key: RSAPrivateKey) -> Platform:
    return Platform(bank_key, bills={ACCOUNT: 36_800})


@pytest.fixture
async def bank(config: Path, platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        {"PERISAI_FAKEBANK_CONFIG": str(config)}, transport=httpx.MockTransport(platform)
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://bank.test"
    ) as client:
        yield client


def read(config: Path) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(config.read_text())
    return entries


def write(config: Path, text: str) -> None:
    config.write_text(text)


def give_company_code(config: Path, code: str, *, place: int) -> None:
    entries = read(config)
    entries[place]["company_code"] = code
    write(config, json.dumps(entries))


async def pay(bank: httpx.AsyncClient, **wishes: object) -> dict[str, Any]:
    response = await bank.post("/payments", json={"virtual_account_no": ACCOUNT, **wishes})
    assert response.status_code == 200, response.text
    paid: dict[str, Any] = response.json()
    return paid


async def test_the_hash_of_the_customers_account_is_sent_with_every_payment_from_it(
    bank: httpx.AsyncClient, platform: Platform, config: Path
) -> None:
    entries = read(config)
    write(config, json.dumps([{**each, "bank_code": "014"} for each in entries]))

    for account_no in (None, "1002003004", "1002003004", "1002003005"):
        await pay(bank, paid_from=account_no)

    unnamed, one, same, other = (request for _, request in platform.flags)
    assert (unnamed.hashed_source_account_no, unnamed.source_bank_code) == (None, None)
    assert one.hashed_source_account_no == same.hashed_source_account_no
    assert len({one.hashed_source_account_no, other.hashed_source_account_no, "1002003004"}) == 3
    assert (one.source_bank_code, len(one.hashed_source_account_no or "")) == ("014", 32)


async def test_one_request_pays_what_the_inquiry_says(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank)

    assert (paid["outcome"], paid["amount"]) == ("paid", 36_800)
    assert [call["response_code"] for call in paid["calls"]] == ["2002400", "2002500"]
    [(_, flag)] = platform.flags
    assert flag.payment_request_id == paid["payment_request_id"]
    assert flag.virtual_account_name == "SITI AMINAH"
    assert flag.partner_service_id == "   11111"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
async def test_every_profile_pays_with_its_own_signature(
    bank: httpx.AsyncClient, platform: Platform, profile: Profile
) -> None:
    number = COMPANY_CODES[profile.name] + "1" * profile.customer_no_length
    platform.bills[number] = 28_400

    paid = await pay(bank, virtual_account_no=number)

    assert paid["outcome"] == "paid"
    assert len(platform.tokens) == (1 if profile.needs_token else 0)


async def test_unknown_account_is_asked_and_not_paid(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank, virtual_account_no=ACCOUNT[:-1] + "6")

    assert (paid["outcome"], paid["amount"]) == ("refused_at_inquiry", None)
    assert platform.flags == []


async def test_repeat_sends_the_same_flag_again(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank, mode="repeat", times=3)

    assert len(paid["calls"]) == 4
    assert len(platform.paid) == 1
    assert len({headers.external_id for headers, _ in platform.flags}) == 1
    assert len({flag.model_dump_json() for _, flag in platform.flags}) == 1


async def test_advice_comes_under_a_new_external_id(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    await pay(bank, mode="advise")

    assert [flag.flag_advise for _, flag in platform.flags] == ["N", "Y"]
    assert len({headers.external_id for headers, _ in platform.flags}) == 2
    assert len({flag.payment_request_id for _, flag in platform.flags}) == 1


async def test_corrupt_signature_is_refused_by_the_platform(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank, mode="corrupt_signature")

    assert paid["calls"][-1]["response_code"] == "4012500"
    assert paid["outcome"] == "rejected"
    assert platform.flags == []


async def test_wrong_amount_differs_from_the_bill(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank, mode="wrong_amount")

    assert paid["amount"] == 37_800
    assert paid["calls"][-1]["response_code"] == "4042513"


async def test_dropped_answer_leaves_the_bank_without_one(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    paid = await pay(bank, mode="drop_answer")

    assert paid["calls"][-1]["http_status"] is None
    assert paid["outcome"] == "timed_out"
    assert len(platform.paid) == 1


async def test_delayed_flag_is_signed_before_it_waits(bank: httpx.AsyncClient) -> None:
    paid = await pay(bank, mode="delay", delay_s=0.01)

    assert paid["outcome"] == "paid"


async def test_payment_without_inquiry_needs_an_amount(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    refused = await bank.post("/payments", json={"virtual_account_no": ACCOUNT, "inquire": False})
    paid = await pay(
        bank, inquire=False, amount=36_800, payment_request_id="again-1", external_id="77"
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "amount_needed")
    assert len(paid["calls"]) == 1
    assert [headers.external_id for headers, _ in platform.flags] == ["77"]
    assert list(platform.paid) == ["again-1"]


async def test_customer_pays_in_business_time_and_the_bank_signs_in_real_time(
    bank: httpx.AsyncClient, platform: Platform, tmp_path: Path
) -> None:
    file = tmp_path / "clock.json"
    clock.set_test_clock(file, parse_timestamp("2025-11-20T10:00:00+07:00"))
    clock.follow_test_clock(file, sandbox=True)
    try:
        await pay(bank)
    finally:
        clock.follow_test_clock(None, sandbox=True)

    [(headers, flag)] = platform.flags
    assert flag.trx_date_time is not None
    assert flag.trx_date_time.startswith("2025-11-20T10:0")
    assert (headers.at - clock.real_now()).total_seconds() > -300


async def test_day_of_the_payment_can_be_said(bank: httpx.AsyncClient, platform: Platform) -> None:
    await pay(bank, trx_date_time="2025-12-01T02:00:00Z")

    assert platform.flags[0][1].trx_date_time == "2025-12-01T09:00:00+07:00"


async def test_refused_token_is_taken_anew(bank: httpx.AsyncClient, platform: Platform) -> None:
    await pay(bank)
    platform.valid_tokens.clear()

    paid = await pay(bank)

    assert paid["outcome"] == "paid"
    assert len(platform.tokens) == 2


async def test_unreachable_gateway_is_shown_and_not_raised(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    platform.is_reachable = False

    paid = await pay(bank)

    assert paid["calls"][0]["error"] == "ConnectError"


async def test_inquiry_alone_shows_what_was_signed(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    response = await bank.post("/inquiries", json={"virtual_account_no": ACCOUNT})

    call = response.json()
    assert call["response_code"] == "2002400"
    assert call["string_to_sign"].startswith("POST:/base/snap/v1.0/transfer-va/inquiry:<token")


async def test_log_holds_no_token_no_secret_and_no_name(
    bank: httpx.AsyncClient, platform: Platform
) -> None:
    await pay(bank, mode="repeat")

    log = await bank.get("/log", params={"limit": 3})
    everything = (await bank.get("/log")).text

    assert [call["service"] for call in log.json()] == ["25", "25", "24"]
    assert not [token for token in platform.tokens if token in everything]
    assert "theirs" not in everything
    assert "virtualAccountName" in everything
    assert "SITI AMINAH" not in everything


@pytest.mark.parametrize("number", ["99999123", "9" * 28])
async def test_number_of_no_partner_is_said_so(bank: httpx.AsyncClient, number: str) -> None:
    response = await bank.post("/payments", json={"virtual_account_no": number})

    assert (response.status_code, response.json()["code"]) == (404, "no_partner")


async def test_partner_can_be_named_when_two_share_a_company_code(
    bank: httpx.AsyncClient, platform: Platform, config: Path
) -> None:
    give_company_code(config, "11111", place=2)

    unclear = await bank.post("/payments", json={"virtual_account_no": ACCOUNT})
    named = await pay(bank, partner_id="partner-generic-hmac")

    assert (unclear.status_code, unclear.json()["code"]) == (409, "several_partners")
    assert named["outcome"] == "paid"


async def test_config_may_come_later_and_a_broken_one_changes_nothing(
    tmp_path: Path, config: Path, platform: Platform
) -> None:
    later = tmp_path / "later.json"
    app = create_app(
        {"PERISAI_FAKEBANK_CONFIG": str(later)}, transport=httpx.MockTransport(platform)
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://bank.test"
    ) as bank:
        before = (await bank.get("/health")).json()
        write(later, json.dumps({"partners": read(config)}))
        partners = (await bank.get("/partners")).json()
        write(later, "[{")
        broken = (await bank.get("/health")).json()

    assert before["partners"] == 0
    assert "does not exist yet" in before["problem"]
    assert partners[0]["partner_id"] == "partner-generic-hmac"
    assert broken["partners"] == 4
    assert "unusable" in broken["problem"]
