"""Payments of a customer: inquiry and payment flag, with optional failures."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from perisai_kit.domain import clock
from sandbox.fakebank.calls import BankClient, Trouble, new_request_id
from sandbox.fakebank.config import Partner
from sandbox.fakebank.errors import AmountNeeded
from sandbox.fakebank.journal import Call
from snap_bi.codes import Service
from snap_bi.errors import FieldProblem
from snap_bi.fields import Amount, AmountNotRupiah
from snap_bi.minify import sha256_hex
from snap_bi.profiles import PARTNER_SERVICE_ID_LENGTH
from snap_bi.timestamps import TimestampFormat, format_timestamp

# The default difference of a wrong amount.
WRONG_BY = 1_000
DEFAULT_DELAY_S = 2.0
# The longest hashedSourceAccountNo. Source: docs/snap.md, Service 25.
ACCOUNT_HASH_LENGTH = 32


class Mode(StrEnum):
    OK = "ok"
    REPEAT = "repeat"  # the same flag again, same X-EXTERNAL-ID
    ADVISE = "advise"  # again with a new X-EXTERNAL-ID and flagAdvise Y
    CORRUPT_SIGNATURE = "corrupt_signature"
    WRONG_AMOUNT = "wrong_amount"
    DROP_ANSWER = "drop_answer"  # the platform books, but the bank gets no answer
    DELAY = "delay"  # signed now, sent later


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One payment by a customer; amounts in rupiah. paid_from: the customer's account."""

    virtual_account_no: str
    amount: int | None = None
    mode: Mode = Mode.OK
    times: int | None = None
    inquire: bool = True
    payment_request_id: str | None = None
    external_id: str | None = None
    delay_s: float | None = None
    trx_at: datetime | None = None
    paid_from: str | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The result of a payment. amount: as flagged; None if the inquiry was refused."""

    payment_request_id: str
    amount: int | None
    outcome: str
    calls: list[Call]


async def inquire(
    client: BankClient, partner: Partner, *, virtual_account_no: str, request_id: str | None = None
) -> Call:
    """Send an inquiry (service 24)."""
    now = clock.real_now()
    message: dict[str, object] = {
        **_ids(partner, virtual_account_no),
        "trxDateInit": format_timestamp(now, TimestampFormat.SECONDS),
        "channelCode": 6011,
        "inquiryRequestId": request_id or new_request_id(now),
        "additionalInfo": {},
    }
    return await client.call(
        partner, Service.INQUIRY, message, external_id=new_request_id(clock.real_now())
    )


async def pay(client: BankClient, partner: Partner, order: Order) -> Paid:
    """Send an inquiry, then pay its amount, unless the order has another one.

    Raises: AmountNeeded.
    """
    request_id = order.payment_request_id or new_request_id(clock.real_now())
    calls: list[Call] = []
    amount, name = order.amount, ""
    if order.inquire:
        asked = await inquire(
            client, partner, virtual_account_no=order.virtual_account_no, request_id=request_id
        )
        calls.append(asked)
        due, name = _due(asked)
        if due is None:
            # A bank accepts no money for an unknown bill.
            return Paid(request_id, None, "refused_at_inquiry", calls)
        amount = due if amount is None else amount
        if order.mode is Mode.WRONG_AMOUNT and order.amount is None:
            amount = due + WRONG_BY
    if amount is None:
        raise AmountNeeded
    message = flag_message(partner, order, request_id=request_id, amount=amount, name=name)
    calls += await _flag(client, partner, order, message)
    return Paid(request_id, amount, calls[-1].reading or "unknown", calls)


async def _flag(
    client: BankClient, partner: Partner, order: Order, message: dict[str, object]
) -> list[Call]:
    again = order.mode in (Mode.REPEAT, Mode.ADVISE)
    times = order.times or (2 if again else 1)
    external_id = order.external_id or new_request_id(clock.real_now())
    delay_s = DEFAULT_DELAY_S if order.delay_s is None else order.delay_s
    trouble = Trouble(
        corrupt_signature=order.mode is Mode.CORRUPT_SIGNATURE,
        drop_answer=order.mode is Mode.DROP_ANSWER,
        delay_s=delay_s if order.mode is Mode.DELAY else 0.0,
    )
    calls = []
    for turn in range(times):
        if turn and order.mode is Mode.ADVISE:
            external_id = new_request_id(clock.real_now())
            message = {**message, "flagAdvise": "Y"}
        calls.append(
            await client.call(
                partner, Service.PAYMENT, message, external_id=external_id, trouble=trouble
            )
        )
    return calls


def flag_message(
    partner: Partner, order: Order, *, request_id: str, amount: int, name: str
) -> dict[str, object]:
    """Return the payment flag of this order; amount in rupiah."""
    value = {"value": f"{amount}.00", "currency": "IDR"}
    trx_at = order.trx_at or clock.now()
    return {
        **_ids(partner, order.virtual_account_no),
        "virtualAccountName": name,
        "trxId": "",
        "paymentRequestId": request_id,
        "channelCode": 6011,
        "paidAmount": value,
        "totalAmount": value,
        # Business time, so that the sandbox's test clock decides the month.
        "trxDateTime": format_timestamp(trx_at, TimestampFormat.SECONDS),
        # The same for every repeat of one payment.
        "referenceNo": f"{int(sha256_hex(request_id.encode())[:12], 16) % 10**11:011d}",
        "flagAdvise": "N",
        "subCompany": partner.profile.sub_company or "",
        "billDetails": [],
        "freeTexts": [],
        "additionalInfo": {},
        **_paying_account(partner, order.paid_from),
    }


def _paying_account(partner: Partner, account_no: str | None) -> dict[str, object]:
    if account_no is None:
        return {}
    hashed = sha256_hex(account_no.encode())[:ACCOUNT_HASH_LENGTH]
    bank_code = partner.entry.bank_code
    code = {} if bank_code is None else {"sourceBankCode": bank_code}
    return {"hashedSourceAccountNo": hashed, **code}


def _ids(partner: Partner, virtual_account_no: str) -> dict[str, object]:
    company_code = partner.entry.company_code
    padded = company_code.rjust(PARTNER_SERVICE_ID_LENGTH)
    customer_no = virtual_account_no.strip().removeprefix(company_code)
    return {
        "partnerServiceId": padded,
        "customerNo": customer_no,
        "virtualAccountNo": padded + customer_no,
    }


def _due(asked: Call) -> tuple[int | None, str]:
    """Return the amount due and the name, or None after a refusal."""
    body = asked.body if isinstance(asked.body, dict) else {}
    data = body.get("virtualAccountData")
    if asked.response_code != "2002400" or not isinstance(data, dict):
        return None, ""
    try:
        due = Amount.read(data.get("totalAmount") or {}).rupiah
    except (FieldProblem, AmountNotRupiah):
        return None, ""
    name = data.get("virtualAccountName")
    if data.get("inquiryStatus") not in (None, "00"):
        return None, ""
    return due, name if isinstance(name, str) else ""
