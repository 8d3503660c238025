"""The differences between banks, as data.

Each profile cites the public documentation of its bank. Values that a bank does not document
must be agreed in its acceptance test and have no default here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from snap_bi.signing import SignatureEncoding
from snap_bi.timestamps import TimestampFormat
from snap_bi.transfer_rules import (
    BCA_TRANSFERS,
    BRI_TRANSFERS,
    STANDARD_TRANSFERS,
    TransferRules,
)


class SignatureType(StrEnum):
    SYMMETRIC = "symmetric"  # type 1: HMAC-SHA512, with a token of the called side
    ASYMMETRIC = "asymmetric"  # type 2: SHA256withRSA, no token


class QueryRule(StrEnum):
    """How the query string is signed; virtual account services have none."""

    AS_SENT = "as_sent"
    DROPPED = "dropped"
    SORTED = "sorted"


class ReplayAnswer(StrEnum):
    """The answer to an exact repeat of a payment flag.

    A wrong choice costs money: on 4042518 BRI reverses the payment, while BCA expects this code.
    """

    STORED_SUCCESS = "2002500"
    INCONSISTENT_WITH_FIRST_RESULT = "4042518"


class DoubtAnswer(StrEnum):
    """The answer when the outcome of our own commit is unknown; never a 4xx."""

    GENERAL_ERROR = "5002500"
    EMPTY_504 = "504"


class ExternalIdScope(StrEnum):
    """The scope within which an X-EXTERNAL-ID is unique per Jakarta day."""

    PARTNER = "partner"
    PARTNER_AND_SERVICE = "partner_and_service"


class ExternalIdFormat(StrEnum):
    """What an X-EXTERNAL-ID of the bank consists of. Either is compared as text, as it was sent."""

    NUMERIC = "numeric"  # the standard: 1 to 36 digits
    TEXT36 = "text36"  # 1 to 36 printable ASCII characters without blanks, such as a UUID


class PartnerIdKind(StrEnum):
    """The value of X-PARTNER-ID in requests of the bank."""

    COMPANY_CODE = "company_code"
    CLIENT_ID = "client_id"


class BankReading(StrEnum):
    """What the bank does with the customer's money after our answer to a payment flag."""

    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"  # the customer gets the money back
    SUSPENDED = "suspended"  # the bank keeps the credit until reconciliation
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReading:
    """How a bank interprets our first answer to a payment flag.

    A successful answer is interpreted by its paymentFlagStatus: 00 is paid, 01 is `refusal`, and 02
    or none is `doubt`.
    """

    refusal: BankReading  # 400, 401, 403, 404, 405, 409
    failure: BankReading  # a code of 429 or 5xx
    silence: BankReading  # no answer, or one without a code
    doubt: BankReading
    unknown_flag: BankReading  # any other paymentFlagStatus
    # 202 and 404xx18; None: interpreted by paymentFlagStatus, like a success.
    in_progress: BankReading | None = None
    inconsistent: BankReading | None = None


class LegacySerialisation(StrEnum):
    """Re-serialisations of the body that some senders sign instead of the bytes they send."""

    PHP_ESCAPED_SLASH = "php_escaped_slash"
    ASCII_ESCAPED = "ascii_escaped"
    STRIP_ALL_WHITESPACE = "strip_all_whitespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One variant of SNAP BI; a bank partner is a profile with keys and a company code."""

    name: str
    title: str
    signature_type: SignatureType = SignatureType.SYMMETRIC
    signature_encoding: SignatureEncoding = SignatureEncoding.BASE64  # of ours; both are read
    public_prefix: str  # path prefix of our endpoints at the public address, version included
    query_rule: QueryRule = QueryRule.AS_SENT
    timestamp_format: TimestampFormat = TimestampFormat.SECONDS
    # The standard defines no clock skew; 300 s is what conformant implementations use.
    skew_s: int = 300
    replay_answer: ReplayAnswer | None = None
    doubt_answer: DoubtAnswer = DoubtAnswer.EMPTY_504
    first_reading: FirstReading
    partner_id_kind: PartnerIdKind = PartnerIdKind.CLIENT_ID
    external_id_scope: ExternalIdScope = ExternalIdScope.PARTNER_AND_SERVICE
    customer_no_length: int
    # Of the customer's name in our answers; the standard allows 255.
    shown_name_length: int = 255
    legacy_serialisations: tuple[LegacySerialisation, ...] = ()
    allows_number_customer_no: bool = False
    sub_company: str | None = None  # sent in inquiry answers if the bank requires it
    echoed_additional_info: tuple[str, ...] = ()  # keys of additionalInfo to repeat
    inbound_channel_id: str  # CHANNEL-ID the bank sends us; used by test banks
    # Our calls to the bank.
    outbound_channel_id: str
    external_id_length: int = 36
    token_path: str
    account_inquiry_internal_path: str
    account_inquiry_external_path: str
    payment_status_path: str
    transfers: TransferRules = STANDARD_TRANSFERS

    @property
    def needs_token(self) -> bool:
        return self.signature_type is SignatureType.SYMMETRIC

    @property
    def is_signed_off(self) -> bool:
        """Whether the bank agreed to an answer to repeats; without it no partner may go live."""
        return self.replay_answer is not None

    def is_read_as_paid(self, answer: ReplayAnswer) -> bool:
        """Return whether the bank keeps a payment when its repeat gets this answer."""
        if answer is ReplayAnswer.STORED_SUCCESS:
            return True
        return self.first_reading.inconsistent is None


PARTNER_SERVICE_ID_LENGTH = 8

# The standard: a refusal means rejected. 404xx18 on a payment flag means the first success. After a
# 5xx, or without an answer, the outcome is unknown and the bank sends a status inquiry.
_STANDARD_READING = FirstReading(
    refusal=BankReading.REJECTED,
    failure=BankReading.SUSPENDED,
    silence=BankReading.TIMED_OUT,
    doubt=BankReading.TIMED_OUT,
    unknown_flag=BankReading.REJECTED,
)

# The standard only says that a channel id has five characters; these are the sandbox's own.
GENERIC_HMAC = Profile(
    name="generic-hmac",
    title="The standard, symmetric signature with token",
    public_prefix="/snap/v1.0",
    replay_answer=ReplayAnswer.STORED_SUCCESS,
    doubt_answer=DoubtAnswer.GENERAL_ERROR,
    first_reading=_STANDARD_READING,
    customer_no_length=18,
    inbound_channel_id="95001",
    outbound_channel_id="95002",
    token_path="/snap/v1.0/access-token/b2b",
    account_inquiry_internal_path="/snap/v1.0/account-inquiry-internal",
    account_inquiry_external_path="/snap/v1.0/account-inquiry-external",
    payment_status_path="/snap/v1.0/transfer-va/status",
)

GENERIC_RSA = replace(
    GENERIC_HMAC,
    name="generic-rsa",
    title="The standard, asymmetric signature without token",
    signature_type=SignatureType.ASYMMETRIC,
)

# Source: https://developer.bca.co.id/id/dokumentasi (SNAP, Virtual Account untuk Biller, Transfer
# Dana). The text says 18 digits in one place and 20 in another: agree it in the acceptance test.
# Expected answer to a repeat: 4042518 with the first result, after BCA has signed it off.
BCA = Profile(
    name="bca",
    title="BCA, virtual account for billers",
    public_prefix="/openapi/v1.0",
    query_rule=QueryRule.SORTED,
    # BCA takes every code but a success as rejected, our own failures too: hence the empty 504.
    first_reading=FirstReading(
        refusal=BankReading.REJECTED,
        failure=BankReading.REJECTED,
        silence=BankReading.TIMED_OUT,
        doubt=BankReading.TIMED_OUT,
        unknown_flag=BankReading.REJECTED,
    ),
    partner_id_kind=PartnerIdKind.COMPANY_CODE,
    customer_no_length=18,
    shown_name_length=30,
    sub_company="00000",
    inbound_channel_id="95231",
    outbound_channel_id="95051",
    external_id_length=32,
    token_path="/openapi/v1.0/access-token/b2b",
    account_inquiry_internal_path="/openapi/v1.0/account-inquiry-internal",
    account_inquiry_external_path="/openapi/v2.0/account-inquiry-external",
    payment_status_path="/openapi/v1.0/transfer-va/status",
    transfers=BCA_TRANSFERS,
)

# Source: https://developers.bri.co.id (OAuth SNAP BI, BRIVA Online SNAP BI, Account Inquiry
# Internal). BRI reverses the payment on any 4xx, so a repeat must not be answered with one. On
# 5002500 it keeps the credit for reconciliation. Confirm with the bank: the path of the external
# inquiry (derived from the internal one), the path of the status inquiry, and our channel id.
BRI = Profile(
    name="bri",
    title="BRI, BRIVA Online",
    public_prefix="/snap/v1.0",
    query_rule=QueryRule.DROPPED,
    timestamp_format=TimestampFormat.MILLISECONDS,
    doubt_answer=DoubtAnswer.GENERAL_ERROR,
    first_reading=FirstReading(
        refusal=BankReading.REVERSED,
        failure=BankReading.SUSPENDED,
        silence=BankReading.SUSPENDED,
        doubt=BankReading.SUSPENDED,
        unknown_flag=BankReading.SUSPENDED,
        in_progress=BankReading.REVERSED,
        inconsistent=BankReading.REVERSED,
    ),
    customer_no_length=13,
    echoed_additional_info=("idApp",),
    inbound_channel_id="00009",
    outbound_channel_id="00009",
    token_path="/snap/v1.0/access-token/b2b",
    account_inquiry_internal_path="/intrabank/snap/v1.0/account-inquiry-internal",
    account_inquiry_external_path="/interbank/snap/v1.0/account-inquiry-external",
    payment_status_path="/snap/v1.0/transfer-va/status",
    transfers=BRI_TRANSFERS,
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (GENERIC_HMAC, GENERIC_RSA, BCA, BRI)}
)
