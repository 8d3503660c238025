from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from payment_service.banks.rules import NameOutcome, PartnerStatus
from perisai_kit.http.types import Code, Model, Out, ShortText, Text255
from snap_bi.outcomes import PaymentState
from snap_bi.profiles import ReplayAnswer

Pem = Annotated[
    str,
    StringConstraints(min_length=100, max_length=10_000, pattern=r"^[A-Za-z0-9+/=:,.\\\s-]+$"),
]
Secret = Annotated[str, StringConstraints(min_length=32, max_length=256, pattern=r"^[\x21-\x7e]+$")]
CompanyCode = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,8}$"),
    Field(description="partnerServiceId without its padding, as the bank assigned it."),
]
HeaderText = Annotated[
    str, StringConstraints(min_length=1, max_length=36, pattern=r"^[\x21-\x7e]+$")
]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{4,36}$")]
# SNAP: beneficiaryAccountNo has at most 34 characters.
AccountNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{5,34}$")]
BankCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]{1,11}$"),
    Field(description="The bank's code in the payment system.", examples=["014"]),
]


class OutboundConnection(Model):
    """How we call the bank. Secret and key are encrypted and never given out again."""

    base_url: Text255
    client_id: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
    client_secret: Annotated[
        Secret | None, Field(description="Left out where the bank verifies our key only.")
    ] = None
    private_key_pem: Pem
    x_partner_id: HeaderText
    channel_id: Annotated[
        str | None,
        StringConstraints(pattern=r"^[\x21-\x7e]{1,5}$"),
        Field(description="CHANNEL-ID of our calls; the profile's when left out."),
    ] = None


class NewBankPartner(Model):
    name: ShortText
    profile: Annotated[Code, Field(description="How the bank speaks SNAP BI.")]
    company_code: CompanyCode
    bank_code: BankCode
    client_id: Annotated[ClientId | None, Field(description="Made by us when left out.")] = None
    client_secret: Annotated[Secret | None, Field(description="Made by us when left out.")] = None
    public_key_pem: Annotated[Pem, Field(description="The bank's RSA key, for its signatures.")]
    allowed_sources: Annotated[
        tuple[ShortText, ...],
        Field(max_length=50, description="Addresses or networks; from anywhere when empty."),
    ] = ()
    replay_answer: Annotated[
        ReplayAnswer | None,
        Field(description="The answer to a repeated payment that the bank has signed off."),
    ] = None
    outbound: OutboundConnection | None = None


class Activation(Model):
    replay_answer: Annotated[
        ReplayAnswer | None,
        Field(description="The answer to a repeated payment, when it is signed off only now."),
    ] = None


class BankPartnerOut(Out):
    id: UUID
    name: str
    profile: str
    status: PartnerStatus
    company_code: str
    bank_code: str
    client_id: str
    public_key_pem: str
    allowed_sources: list[str]
    replay_answer: ReplayAnswer | None
    base_url: str | None
    outbound_client_id: str | None
    x_partner_id: str | None
    channel_id: str | None
    created_at: datetime
    status_changed_at: datetime


class BankPartnerRegistered(BankPartnerOut):
    client_secret: Annotated[
        str, Field(description="Hand it to the bank now: it is never shown again.")
    ]


class AccountVerification(Model):
    bank_code: BankCode
    account_no: AccountNo
    holder_name: Text255


class AccountVerdict(Out):
    designated: Annotated[bool, Field(description="Whether agents may be paid at this bank.")]
    outcome: Annotated[
        NameOutcome,
        Field(description="Only whether the names match; `unknown`: the bank gave no answer."),
    ]


class StatusInquiry(Model):
    virtual_account_no: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9]{2,28}$"),
        Field(description="Company code and customer number, digits only."),
    ]
    payment_request_id: Annotated[
        str,
        StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$"),
        Field(description="The bank's paymentRequestId."),
    ]


class PaymentStatusOut(Out):
    """What the bank says, which settles nothing here."""

    state: Annotated[
        PaymentState,
        Field(
            description="`not_found` proves nothing: a bank may know its last two days only. "
            "`unknown`: the bank gave no clear answer about this payment."
        ),
    ]
    paid_amount: Annotated[int | None, Field(description="Rupiah.")]
    paid_at: datetime | None
    reference_no: str | None
    response_code: Annotated[str | None, Field(description="The bank's; absent without answer.")]
    response_message: str
    external_id: Annotated[str, Field(description="X-EXTERNAL-ID of our question.")]
    string_to_sign: Annotated[
        str, Field(description="What we signed; the token stands as the start of its SHA-256.")
    ]
