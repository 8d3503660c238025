"""What differs from bank to bank, as data.

Each row cites the bank's own public documentation. What a bank has not written down is a question
for its acceptance test and has no default here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from snap_bi.signing import SignatureEncoding
from snap_bi.timestamps import TimestampFormat


class SignatureType(StrEnum):
    SYMMETRIC = "symmetric"  # type 1: HMAC-SHA512, with a token taken from the called side
    ASYMMETRIC = "asymmetric"  # type 2: SHA256withRSA, no token


class QueryRule(StrEnum):
    """What of the query string is signed; virtual account services have none."""

    AS_SENT = "as_sent"
    DROPPED = "dropped"
    SORTED = "sorted"


class ReplayAnswer(StrEnum):
    """What a consistently repeated payment flag is answered with.

    The wrong one costs money: BRI reverses the payment on 4042518, BCA expects it.
    """

    STORED_SUCCESS = "2002500"
    INCONSISTENT_WITH_FIRST_RESULT = "4042518"


class DoubtAnswer(StrEnum):
    """What is answered when the outcome of our own commit is unknown; never a 4xx."""

    GENERAL_ERROR = "5002500"
    EMPTY_504 = "504"


class ExternalIdScope(StrEnum):
    """Within what an X-EXTERNAL-ID may be used once per Jakarta day."""

    PARTNER = "partner"
    PARTNER_AND_SERVICE = "partner_and_service"


class PartnerIdKind(StrEnum):
    """What the bank writes into X-PARTNER-ID when it calls us."""

    COMPANY_CODE = "company_code"
    CLIENT_ID = "client_id"


class BankReading(StrEnum):
    """What the bank does with the customer's money once it has our answer to a payment flag."""

    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"  # the customer gets the money back
    SUSPENDED = "suspended"  # the bank keeps the credit until reconciliation
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReading:
    """How a bank decides on our first answer to a payment flag.

    A success is read by its paymentFlagStatus: 00 is paid, 01 is `refusal`, 02 or none at all is
    `doubt`.
    """

    refusal: BankReading  # 400, 401, 403, 404, 405, 409
    failure: BankReading  # a code of 429 or 5xx
    silence: BankReading  # no answer, or one without a code
    doubt: BankReading
    unknown_flag: BankReading  # any other paymentFlagStatus
    # 202 and 404xx18; None: read by their flag, as a success is.
    in_progress: BankReading | None = None
    inconsistent: BankReading | None = None


class LegacySerialisation(StrEnum):
    """Re-serialisations of the body that some senders sign instead of what they send."""

    PHP_ESCAPED_SLASH = "php_escaped_slash"
    ASCII_ESCAPED = "ascii_escaped"
    STRIP_ALL_WHITESPACE = "strip_all_whitespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One way to speak SNAP BI; a partner is a profile plus its keys and company code."""

    name: str
    title: str
    signature_type: SignatureType = SignatureType.SYMMETRIC
    signature_encoding: SignatureEncoding = SignatureEncoding.BASE64  # what is written; both read
    public_prefix: str  # of our endpoints as the bank sees them, version included
    query_rule: QueryRule = QueryRule.AS_SENT
    timestamp_format: TimestampFormat = TimestampFormat.SECONDS
    # The standard gives no skew; 300 s is what conformant implementations use.
    skew_s: int = 300
    replay_answer: ReplayAnswer | None = None
    doubt_answer: DoubtAnswer = DoubtAnswer.EMPTY_504
    first_reading: FirstReading
    partner_id_kind: PartnerIdKind = PartnerIdKind.CLIENT_ID
    external_id_scope: ExternalIdScope = ExternalIdScope.PARTNER_AND_SERVICE
    customer_no_length: int
    legacy_serialisations: tuple[LegacySerialisation, ...] = ()
    allows_number_customer_no: bool = False
    sub_company: str | None = None  # sent in inquiry answers where the bank demands it
    echoed_additional_info: tuple[str, ...] = ()  # keys of additionalInfo the bank wants back
    inbound_channel_id: str  # CHANNEL-ID the bank sends us; used by test banks
    # Our calls to the bank.
    outbound_channel_id: str
    external_id_length: int = 36
    token_path: str
    account_inquiry_internal_path: str
    account_inquiry_external_path: str
    payment_status_path: str

    @property
    def virtual_account_length(self) -> int:
        """Characters of virtualAccountNo: the padded company code and the customer number."""
        return PARTNER_SERVICE_ID_LENGTH + self.customer_no_length

    @property
    def needs_token(self) -> bool:
        return self.signature_type is SignatureType.SYMMETRIC

    @property
    def is_signed_off(self) -> bool:
        """False for a bank whose answer to a repeat has not been agreed; it must not go live."""
        return self.replay_answer is not None

    def is_read_as_paid(self, answer: ReplayAnswer) -> bool:
        """Tell whether the bank leaves a payment alone when its repeat is answered so."""
        if answer is ReplayAnswer.STORED_SUCCESS:
            return True
        return self.first_reading.inconsistent is None


PARTNER_SERVICE_ID_LENGTH = 8

# The standard: a refusal is one, 404xx18 on the payment of a virtual account is to be read as the
# first success, and a 5xx leaves open what happened: the caller asks for the status, as it does
# when no answer comes.
_STANDARD_READING = FirstReading(
    refusal=BankReading.REJECTED,
    failure=BankReading.SUSPENDED,
    silence=BankReading.TIMED_OUT,
    doubt=BankReading.TIMED_OUT,
    unknown_flag=BankReading.REJECTED,
)

# The generic channel ids are the sandbox's own; the standard says only five characters.
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

GENERIC_RSA = Profile(
    name="generic-rsa",
    title="The standard, asymmetric signature without token",
    signature_type=SignatureType.ASYMMETRIC,
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

# Source: https://developer.bca.co.id/id/dokumentasi (SNAP, Virtual Account untuk Biller, Transfer
# Dana). Their text prints 18 digits in one place and 20 in another: settle it in the acceptance
# test. Expected answer to a repeat: 4042518 with the first result, once BCA has signed it off.
BCA = Profile(
    name="bca",
    title="BCA, virtual account for billers",
    public_prefix="/openapi/v1.0",
    query_rule=QueryRule.SORTED,
    # Any code but a success means rejected there, a failure of ours too: hence the empty 504.
    first_reading=FirstReading(
        refusal=BankReading.REJECTED,
        failure=BankReading.REJECTED,
        silence=BankReading.TIMED_OUT,
        doubt=BankReading.TIMED_OUT,
        unknown_flag=BankReading.REJECTED,
    ),
    partner_id_kind=PartnerIdKind.COMPANY_CODE,
    customer_no_length=18,
    sub_company="00000",
    inbound_channel_id="95231",
    outbound_channel_id="95051",
    external_id_length=32,
    token_path="/openapi/v1.0/access-token/b2b",
    account_inquiry_internal_path="/openapi/v1.0/account-inquiry-internal",
    account_inquiry_external_path="/openapi/v2.0/account-inquiry-external",
    payment_status_path="/openapi/v1.0/transfer-va/status",
)

# Source: https://developers.bri.co.id (OAuth SNAP BI, BRIVA Online SNAP BI, Account Inquiry
# Internal). BRI reverses the customer's payment on any 4xx, so a repeat must not be one; 5002500
# makes it keep the credit for reconciliation. The external path follows the internal one and has
# to be confirmed with the bank, like the path of the status inquiry and the channel of our calls.
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
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (GENERIC_HMAC, GENERIC_RSA, BCA, BRI)}
)
