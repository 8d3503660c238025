"""The control API: plain JSON for developers, on the bank's own port."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, Field, StringConstraints

from perisai_kit.http.types import Model, Text255
from sandbox.fakebank.accounts import Accounts
from sandbox.fakebank.calls import BankClient
from sandbox.fakebank.config import Partners
from sandbox.fakebank.journal import MAX_ENTRIES, Call, Journal
from sandbox.fakebank.payments import Mode, Order, Paid, inquire, pay

VirtualAccountNo = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{2,28}$"),
    Field(description="Company code and customer number, digits only."),
]
DigitsText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,36}$")]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,128}$")]
PartnerId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AccountNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,34}$")]


class NewAccount(Model):
    bank_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,11}$")]
    account_no: AccountNo
    holder_name: Text255


class NewInquiry(Model):
    virtual_account_no: VirtualAccountNo
    partner_id: PartnerId | None = None


class NewPayment(Model):
    virtual_account_no: VirtualAccountNo
    amount: Annotated[int, Field(ge=0, lt=10**16)] | None = Field(
        default=None, description="Rupiah; what the inquiry says when left out."
    )
    mode: Mode = Mode.OK
    times: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="How often the flag is sent; 2 for repeat and advise, else 1."
    )
    inquire: bool = Field(default=True, description="False: flag at once, with an amount.")
    payment_request_id: RequestId | None = None
    external_id: DigitsText | None = None
    partner_id: PartnerId | None = None
    delay_s: Annotated[float, Field(ge=0, le=600)] | None = Field(
        default=None, description="Of mode delay: between signing and sending; 2 when left out."
    )
    trx_date_time: AwareDatetime | None = Field(
        default=None, description="When the customer paid; the sandbox's clock when left out."
    )
    paid_from: AccountNo | None = Field(
        default=None,
        description="Account that the customer pays from. Its hash is sent; none when left out.",
    )


class PaymentOut(Model):
    partner_id: str
    payment_request_id: str
    amount: int | None
    outcome: str = Field(description="What the bank made of the last answer.")
    calls: list[Call]


class PartnerOut(Model):
    partner_id: str
    profile: str
    company_code: str
    gateway_base_url: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The state of the control API, at `request.app.state.desk`."""

    partners: Partners
    accounts: Accounts
    journal: Journal
    client: BankClient


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
router = APIRouter(tags=["control"])


@router.get("/health")
def health(desk: AtDesk) -> dict[str, object]:
    """Answer that the bank runs, and with how many partners."""
    count = len(desk.partners.all())
    return {"status": "ok", "partners": count, "problem": desk.partners.problem}


@router.get("/partners")
def list_partners(desk: AtDesk) -> list[PartnerOut]:
    """List the partners the bank plays."""
    return [
        PartnerOut(
            partner_id=partner.entry.partner_id,
            profile=partner.entry.profile,
            company_code=partner.entry.company_code,
            gateway_base_url=partner.entry.gateway_base_url,
        )
        for partner in desk.partners.all()
    ]


@router.post("/accounts", status_code=201)
def open_account(account: NewAccount, desk: AtDesk) -> NewAccount:
    """Open an account, so that an account inquiry finds its holder."""
    desk.accounts.put(
        bank_code=account.bank_code,
        account_no=account.account_no,
        holder_name=account.holder_name,
    )
    return account


@router.post("/inquiries")
async def ask(inquiry: NewInquiry, desk: AtDesk) -> Call:
    """Send an inquiry for a virtual account to the platform."""
    number = inquiry.virtual_account_no
    partner = desk.partners.find(partner_id=inquiry.partner_id, virtual_account_no=number)
    return await inquire(desk.client, partner, virtual_account_no=number)


@router.post("/payments")
async def pay_account(payment: NewPayment, desk: AtDesk) -> PaymentOut:
    """Pay a virtual account: inquiry and payment flag, with the failure in `mode`."""
    partner = desk.partners.find(
        partner_id=payment.partner_id, virtual_account_no=payment.virtual_account_no
    )
    paid = await pay(desk.client, partner, _order(payment))
    return _out(partner.entry.partner_id, paid)


@router.get("/log")
def read_log(
    desk: AtDesk, limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES)] = 50
) -> Sequence[Call]:
    """List the last calls in and out, newest first, with what was signed."""
    return desk.journal.newest(limit)


def _order(payment: NewPayment) -> Order:
    return Order(
        virtual_account_no=payment.virtual_account_no,
        amount=payment.amount,
        mode=payment.mode,
        times=payment.times,
        inquire=payment.inquire,
        payment_request_id=payment.payment_request_id,
        external_id=payment.external_id,
        delay_s=payment.delay_s,
        trx_at=payment.trx_date_time,
        paid_from=payment.paid_from,
    )


def _out(partner_id: str, paid: Paid) -> PaymentOut:
    return PaymentOut(
        partner_id=partner_id,
        payment_request_id=paid.payment_request_id,
        amount=paid.amount,
        outcome=paid.outcome,
        calls=paid.calls,
    )
