"""How banks differ in the services that move or show our money (11, 14, 15 to 18, 36), as data.

Source: docs/snap.md 4 and 6, which name the documentation of each bank. What a bank does not
document is marked `confirm` and must be agreed in its acceptance test.
"""

from dataclasses import dataclass
from enum import StrEnum


class InterbankRoute(StrEnum):
    """The network of a transfer to another bank; both are service 18."""

    SWITCH = "switch"
    BI_FAST = "bi_fast"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules:
    """The differences of one bank. Lengths count characters; days are days of Jakarta."""

    balance_path: str
    bank_statement_path: str
    intrabank_path: str
    interbank_path: str
    transfer_status_path: str
    # CHANNEL-ID of these services; None: the one of all our calls to this bank.
    channel_id: str | None = None
    # X-PARTNER-ID of these services is another id than that of our other calls to this bank.
    needs_corporate_id: bool = False
    # The standard allows 36, but originalExternalId of service 36 has 32.
    external_id_length: int = 32
    # Service 17 must carry the partnerReferenceNo of a preceding service 15.
    needs_account_inquiry: bool = False
    fee_type: str = "OUR"  # we bear the fee, so that the payee gets the whole amount
    remark_length: int = 50
    # Whether service 18 has a remark; the standard has none there, but customerReference.
    has_interbank_remark: bool = False
    # additionalInfo of services 16 and 18 per route; None: the bank has no such fields.
    route_numbers: tuple[tuple[InterbankRoute, str], ...] = ()
    default_route: InterbankRoute = InterbankRoute.BI_FAST
    # Purpose of a BI-FAST transfer at banks with `route_numbers`; 99 is "other".
    purpose_code: str = "99"
    # HTTP status and case of the answers that prove that nothing was executed. None: the rule of
    # the standard. Otherwise every other answer is pending.
    refusals: frozenset[tuple[int, str]] | None = None
    # Service 36 and service 14 look back so many days.
    transfer_status_days: int = 31
    bank_statement_days: int = 31
    # Both times of a bank statement must be the midnight that begins their day.
    has_midnight_bounds: bool = False

    def find_route(self, chosen: InterbankRoute | None) -> InterbankRoute | None:
        """Return the route that services 16 and 18 name; None: this bank has no such fields.

        chosen: None: the default of the bank.
        """
        return (chosen or self.default_route) if self.route_numbers else None

    def route_number(self, route: InterbankRoute) -> str | None:
        """Return the bank's own number of a route, where it has one."""
        return dict(self.route_numbers).get(route)


STANDARD_TRANSFERS = TransferRules(
    balance_path="/snap/v1.0/balance-inquiry",
    bank_statement_path="/snap/v1.0/bank-statement",
    intrabank_path="/snap/v1.0/transfer-intrabank",
    interbank_path="/snap/v1.0/transfer-interbank",
    transfer_status_path="/snap/v1.0/transfer/status",
)

# Source: https://developer.bca.co.id/id/dokumentasi (Transfer Dana, Informasi Rekening).
BCA_TRANSFERS = TransferRules(
    balance_path="/openapi/v1.0/balance-inquiry",
    bank_statement_path="/openapi/v1.0/bank-statement",
    intrabank_path="/openapi/v1.0/transfer-intrabank",
    interbank_path="/openapi/v2.0/transfer-interbank",
    transfer_status_path="/openapi/v1.0/transfer/status",
    channel_id="95051",
    needs_corporate_id=True,  # of KlikBCA Bisnis
    needs_account_inquiry=True,
    remark_length=36,  # two lines of 18
    has_interbank_remark=True,
    route_numbers=((InterbankRoute.SWITCH, "1"), (InterbankRoute.BI_FAST, "2")),
    has_midnight_bounds=True,
)

# Source: https://developers.bri.co.id (SNAP BI: bank statement, transfers). Every error outside the
# list is pending. Confirm with the bank: all paths but the bank statement's, whether 9 digits bound
# X-EXTERNAL-ID on each of these services, and a remark on service 18.
BRI_TRANSFERS = TransferRules(
    balance_path="/snap/v1.0/balance-inquiry",
    bank_statement_path="/snap/v1.1/bank-statement",
    intrabank_path="/intrabank/snap/v1.0/transfer-intrabank",
    interbank_path="/interbank/snap/v1.0/transfer-interbank",
    transfer_status_path="/snap/v1.0/transfer/status",
    external_id_length=9,
    has_interbank_remark=True,
    refusals=frozenset(
        {
            (400, "00"),
            (400, "01"),
            (400, "02"),
            (401, "00"),
            (401, "01"),
            (403, "01"),
            (403, "02"),
            (403, "04"),
            (403, "06"),
            (403, "14"),
            (403, "15"),
            (403, "18"),
            (404, "02"),
            (404, "03"),
            (404, "11"),
            (404, "13"),
            (429, "00"),
        }
    ),
)
