from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from payment_service.banks.rules import NameOutcome, PartnerStatus
from perisai_kit.http.types import (
    Code,
    Model,
    Out,
    RecordId,
    ShortText,
    Text255,
    with_example,
)
from snap_bi.outcomes import BankPaymentStatus
from snap_bi.profiles import ExternalIdFormat, ReplayAnswer

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


YOUR_PEM = "PEM text of the key, from its BEGIN to its END line: " + 60 * "."
"""What stands for a key in an example: no key is written down anywhere."""


TRUST_BANK_TIME = (
    "Whether a payment counts at the `trxDateTime` of the bank, where that can be; false: always "
    "at the time of receipt."
)


KEEPS_REFUSED_MONEY = (
    "Whether we keep, in suspense, the money that no bill of its order takes, because this bank "
    "cannot give it back; false: such a payment is refused."
)


EXTERNAL_ID_FORMAT = (
    "What the `X-EXTERNAL-ID` of the bank's requests consists of: digits (`numeric`), or up to 36 "
    "printable ASCII characters without blanks (`text36`), such as a UUID."
)


class OutboundConnection(Model):
    """How we call the bank. Secret and key are encrypted and never given out again."""

    model_config = with_example(
        base_url="https://api.bank.co.id",
        client_id="perisai",
        client_secret="the-client-secret-of-the-bank-for-us",
        private_key_pem=YOUR_PEM,
        x_partner_id="perisai",
    )

    base_url: Annotated[
        Text255, Field(description="Address of the bank's API, https outside a sandbox.")
    ]
    client_id: Annotated[
        str,
        StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$"),
        Field(description="Our client id at the bank."),
    ]
    client_secret: Annotated[
        Secret | None, Field(description="Left out where the bank verifies our key only.")
    ] = None
    private_key_pem: Annotated[Pem, Field(description="Our RSA key for this bank, PEM.")]
    x_partner_id: Annotated[HeaderText, Field(description="X-PARTNER-ID of our calls.")]
    channel_id: Annotated[
        str | None,
        StringConstraints(pattern=r"^[\x21-\x7e]{1,5}$"),
        Field(description="CHANNEL-ID of our calls; the profile's when left out."),
    ] = None


class NewBankPartner(Model):
    model_config = with_example(
        name="Bank Samudra",
        profile="generic-hmac",
        company_code="77777",
        bank_code="014",
        public_key_pem=YOUR_PEM,
        allowed_sources=["203.0.113.0/28"],
    )

    name: Annotated[ShortText, Field(description="Name of the bank.")]
    profile: Annotated[Code, Field(description="How the bank speaks SNAP BI.")]
    company_code: CompanyCode
    bank_code: Annotated[BankCode, Field(description="The bank's code in the payment system.")]
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
    trust_bank_time: Annotated[bool, Field(strict=True, description=TRUST_BANK_TIME)] = True
    keeps_refused_money: Annotated[bool, Field(strict=True, description=KEEPS_REFUSED_MONEY)] = (
        False
    )
    external_id_format: Annotated[ExternalIdFormat, Field(description=EXTERNAL_ID_FORMAT)] = (
        ExternalIdFormat.NUMERIC
    )
    outbound: Annotated[
        OutboundConnection | None,
        Field(description="How we call the bank; left out where we do not."),
    ] = None


class PartnerSettings(Model):
    """How payments of the bank are answered and counted."""

    model_config = with_example(
        replay_answer="2002500",
        trust_bank_time=True,
        keeps_refused_money=False,
        external_id_format="numeric",
    )

    replay_answer: Annotated[
        ReplayAnswer | None,
        Field(
            description="The answer to a repeated payment that the bank has signed off; the "
            "profile's own when left out."
        ),
    ] = None
    trust_bank_time: Annotated[bool, Field(strict=True, description=TRUST_BANK_TIME)]
    keeps_refused_money: Annotated[bool, Field(strict=True, description=KEEPS_REFUSED_MONEY)]
    external_id_format: Annotated[
        ExternalIdFormat | None,
        Field(description=f"{EXTERNAL_ID_FORMAT} Unchanged when left out."),
    ] = None


class BankPartnerOut(Out):
    id: RecordId
    name: Annotated[str, Field(description="Name of the bank.")]
    profile: Annotated[str, Field(description="How the bank speaks SNAP BI.")]
    status: Annotated[PartnerStatus, Field(description="Whether it may call us.")]
    company_code: Annotated[str, Field(description="partnerServiceId without its padding.")]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    client_id: Annotated[str, Field(description="Client id of the bank at our API.")]
    public_key_pem: Annotated[str, Field(description="The bank's RSA key, for its signatures.")]
    allowed_sources: Annotated[
        list[str],
        Field(description="Addresses or networks it may call from; from anywhere when empty."),
    ]
    previous_public_key_pem: Annotated[
        str | None, Field(description="The key before it; null: it was never replaced.")
    ]
    previous_public_key_until: Annotated[
        datetime | None, Field(description="Until when the key before it is or was valid too.")
    ]
    previous_allowed_sources: Annotated[
        list[str] | None,
        Field(description="The addresses before the present ones; null: never replaced."),
    ]
    previous_sources_until: Annotated[
        datetime | None, Field(description="Until when it may or might call from these too.")
    ]
    replay_answer: Annotated[
        ReplayAnswer | None,
        Field(description="The answer to a repeated payment that the bank has signed off."),
    ]
    trust_bank_time: Annotated[bool, Field(description=TRUST_BANK_TIME)]
    keeps_refused_money: Annotated[bool, Field(description=KEEPS_REFUSED_MONEY)]
    external_id_format: Annotated[ExternalIdFormat, Field(description=EXTERNAL_ID_FORMAT)]
    base_url: Annotated[str | None, Field(description="Address of the bank's API.")]
    outbound_client_id: Annotated[str | None, Field(description="Our client id at the bank.")]
    x_partner_id: Annotated[str | None, Field(description="X-PARTNER-ID of our calls.")]
    channel_id: Annotated[str | None, Field(description="CHANNEL-ID of our calls.")]
    created_at: Annotated[datetime, Field(description="When it was created.")]
    status_changed_at: Annotated[datetime, Field(description="When its status changed last.")]
    status_changed_by: Annotated[
        UUID | None,
        Field(description="Account that changed its status last; null for the bank's engineer."),
    ]
    changed_at: Annotated[
        datetime, Field(description="When it was registered, changed or suspended last.")
    ]
    changed_by: Annotated[
        list[UUID],
        Field(
            description="Accounts that registered, changed or suspended it since it was last "
            "active. None of them can activate it. Empty for the bank's engineer."
        ),
    ]

    def for_its_engineer(self) -> Self:
        """Return it without the accounts of our staff."""
        return self.model_copy(update={"status_changed_by": None, "changed_by": []})


class BankPartnerRegistered(BankPartnerOut):
    client_secret: Annotated[
        str, Field(description="Hand it to the bank now: it is never shown again.")
    ]


class AccountVerification(Model):
    model_config = with_example(bank_code="014", account_no="1234567890", holder_name="Siti Rahma")

    bank_code: Annotated[BankCode, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[AccountNo, Field(description="Number of the account.")]
    holder_name: Annotated[Text255, Field(description="Name to compare.")]


class AccountVerdict(Out):
    designated: Annotated[bool, Field(description="Whether agents may be paid at this bank.")]
    outcome: Annotated[
        NameOutcome,
        Field(description="Only whether the names match; `unknown`: the bank gave no answer."),
    ]


class StatusInquiry(Model):
    model_config = with_example(
        virtual_account_no="77777000000000000012345", payment_request_id="202611030916000001"
    )

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

    status: Annotated[
        BankPaymentStatus,
        Field(
            description="`not_found` proves nothing: a bank may know its last two days only. "
            "`unknown`: the bank gave no clear answer about this payment."
        ),
    ]
    paid_amount: Annotated[int | None, Field(description="Rupiah.")]
    paid_at: Annotated[
        datetime | None, Field(description="When the customer paid, as the bank says.")
    ]
    reference_no: Annotated[str | None, Field(description="Reference of the bank.")]
    response_code: Annotated[str | None, Field(description="The bank's; absent without answer.")]
    response_message: Annotated[
        str, Field(description="The bank's words, or why there is no answer.")
    ]
    external_id: Annotated[str, Field(description="X-EXTERNAL-ID of our question.")]
    string_to_sign: Annotated[
        str, Field(description="What we signed; the token stands as the start of its SHA-256.")
    ]
