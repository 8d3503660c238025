"""Move and look at our own money at a bank: services 11, 14, 15 to 18, and 36.

A transfer is sent once, with ids and a timestamp that the caller has stored before. Whatever does
not prove that it was executed or not is UNKNOWN: ask its status, then the bank statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from snap_bi.bank_statements import BankStatement, BankStatementRow, merge_pages, read_row
from snap_bi.client import BankClient
from snap_bi.codes import Service
from snap_bi.errors import FieldProblem
from snap_bi.fields import Amount, format_amount
from snap_bi.inquiries import AccountInquiry, read_account_inquiry
from snap_bi.messages import AccountInquiryRequest
from snap_bi.outcomes import CallResult, Outcome, mark_unknown
from snap_bi.timestamps import WIB, format_timestamp, parse_timestamp
from snap_bi.transfer_messages import (
    BalanceAnswer,
    BalanceInfo,
    BalanceRequest,
    BankStatementAnswer,
    BankStatementRequest,
    TransferRequest,
    TransferStatusRequest,
)
from snap_bi.transfer_outcomes import (
    TransferInquiry,
    TransferOrder,
    TransferResult,
    read_transfer,
    read_transfer_status,
)
from snap_bi.transfer_rules import InterbankRoute, TransferRules

# 9000 rows, the most that BCA sends, at about a kilobyte each.
_MAX_STATEMENT_BYTES = 16 * 1024 * 1024
_MAX_PAGES = 200


@dataclass(frozen=True, slots=True)
class BalanceInquiry:
    """Result of a balance inquiry. `available`: whole rupiah, rounded down; None: unknown."""

    result: CallResult
    available: int | None = None


class DisbursementClient:
    """Calls for one bank partner. The token and the connections are those of its BankClient.

    partner_id: X-PARTNER-ID of these services; None: the one of all our calls. At BCA it is the
    corporate id of KlikBCA Bisnis.
    """

    def __init__(self, client: BankClient, *, partner_id: str | None = None) -> None:
        self._client = client
        sender = client.sender
        self._sender = replace(
            sender,
            partner_id=partner_id or sender.partner_id,
            channel_id=self.rules.channel_id or sender.channel_id,
        )

    @property
    def rules(self) -> TransferRules:
        """The differences of this bank."""
        return self._client.profile.transfers

    def new_external_id(self) -> str:
        """Return a random X-EXTERNAL-ID. Short ones can collide within a day: store them unique."""
        return self._client.new_external_id(self.rules.external_id_length)

    def new_timestamp(self, at: datetime) -> datetime:
        """Return the instant that is sent for `at`, so that stored and sent times are equal."""
        return parse_timestamp(self._format(at))

    async def is_ready(self) -> bool:
        """Return whether the bank accepts us, without moving money: take or renew the token.

        Ask before a transfer is marked as sent, so that a bank that is down leaves none unknown.
        """
        return await self._client.has_token()

    async def inquire_beneficiary(self, order: TransferOrder) -> AccountInquiry:
        """Ask for the holder of the beneficiary's account under the transfer's reference (15, 16).

        BCA requires it before service 17 (`rules.needs_account_inquiry`).
        """
        profile = self._client.profile
        service, path = (
            (Service.ACCOUNT_INQUIRY_INTERNAL, profile.account_inquiry_internal_path)
            if order.beneficiary_bank_code is None
            else (Service.ACCOUNT_INQUIRY_EXTERNAL, profile.account_inquiry_external_path)
        )
        body = AccountInquiryRequest(
            beneficiary_account_no=order.beneficiary_account_no,
            beneficiary_bank_code=order.beneficiary_bank_code,
            partner_reference_no=order.partner_reference_no,
            additional_info=self._inquiry_info(order),
        ).to_bytes()
        return read_account_inquiry(await self._inquire(service, path, body))

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Send a transfer, once: service 17 within the bank, 18 to another one.

        X-EXTERNAL-ID and X-TIMESTAMP are those of the order. The outcome is EXECUTED or
        NOT_EXECUTED only where docs/snap.md 4.5 says so. After any exception of the HTTP client it
        is UNKNOWN.
        """
        is_intrabank = order.service is Service.TRANSFER_INTRABANK
        result = await self._client.call(
            order.service,
            self.rules.intrabank_path if is_intrabank else self.rules.interbank_path,
            self._build_transfer(order).to_bytes(),
            external_id=order.external_id,
            at=order.requested_at,
            sender=self._sender,
        )
        return read_transfer(result, order, self.rules)

    async def inquire_transfer(
        self, order: TransferOrder, *, reference_no: str | None = None
    ) -> TransferInquiry:
        """Ask what became of a transfer (36). reference_no: the bank's, where it gave one."""
        body = TransferStatusRequest(
            original_partner_reference_no=order.partner_reference_no,
            original_reference_no=reference_no,
            original_external_id=order.external_id,
            service_code=order.service,
            transaction_date=self._format(order.requested_at),
            amount=Amount(**format_amount(order.amount)),
        ).to_bytes()
        path = self.rules.transfer_status_path
        result = await self._inquire(Service.TRANSFER_STATUS, path, body)
        return read_transfer_status(result, order)

    async def inquire_balance(self, account_no: str) -> BalanceInquiry:
        """Ask how much money one of our accounts has (11)."""
        body = BalanceRequest(account_no=account_no).to_bytes()
        result = await self._inquire(Service.BALANCE_INQUIRY, self.rules.balance_path, body)
        if result.outcome is not Outcome.EXECUTED or result.body is None:
            return BalanceInquiry(result)
        try:
            answer = BalanceAnswer.read(result.body)
            available = BalanceInfo.read(answer.account_infos[0]).available_balance
        except FieldProblem:
            return BalanceInquiry(mark_unknown(result))
        if answer.account_no not in (None, account_no):
            return BalanceInquiry(mark_unknown(result))
        return BalanceInquiry(result, int(available.value.partition(".")[0]))

    async def read_bank_statement(
        self, account_no: str, *, first: date, last: date
    ) -> BankStatement:
        """Read the bookings on one of our accounts (14), all pages.

        first, last: days of Jakarta, both included; at most `rules.bank_statement_days` apart.
        A page that fails leaves the rows before it, marked as incomplete.
        """
        start, bound = self._bounds(first, last)
        rows: list[BankStatementRow] = []
        are_understood = True
        for _ in range(_MAX_PAGES):
            result, answer = await self._read_page(account_no, start, bound)
            if answer is None:
                return BankStatement(result, rows)
            found = [read_row(each) for each in answer.detail_data or []]
            page = [row for row in found if row is not None]
            are_understood = are_understood and len(page) == len(found)
            fresh = merge_pages(rows, page, bound=bound)
            rows += fresh
            if (answer.has_more or "N").upper() != "Y":
                return BankStatement(result, rows, is_complete=are_understood)
            following = self._find_bound(answer, page)
            if following is None or not fresh or not start <= following <= bound:
                break
            bound = following
        return BankStatement(result, rows)

    async def _read_page(
        self, account_no: str, start: datetime, bound: datetime
    ) -> tuple[CallResult, BankStatementAnswer | None]:
        body = BankStatementRequest(
            account_no=account_no,
            from_date_time=self._format(start),
            to_date_time=self._format(bound),
        ).to_bytes()
        result = await self._inquire(
            Service.BANK_STATEMENT,
            self.rules.bank_statement_path,
            body,
            max_answer_bytes=_MAX_STATEMENT_BYTES,
        )
        if result.outcome is not Outcome.EXECUTED or result.body is None:
            return result, None
        try:
            answer = BankStatementAnswer.read(result.body)
        except FieldProblem:
            return mark_unknown(result), None
        if answer.account_no not in (None, account_no):
            return mark_unknown(result), None
        return result, answer

    def _bounds(self, first: date, last: date) -> tuple[datetime, datetime]:
        if not timedelta(0) <= last - first <= timedelta(days=self.rules.bank_statement_days):
            raise ValueError("a bank statement has its first day before its last, and few days")
        start = datetime.combine(first, time(), WIB)
        if self.rules.has_midnight_bounds:
            return start, datetime.combine(last, time(), WIB)
        return start, datetime.combine(last, time(23, 59, 59), WIB)

    @staticmethod
    def _find_bound(
        answer: BankStatementAnswer, page: Sequence[BankStatementRow]
    ) -> datetime | None:
        # Newest first: the following page ends where this one has stopped.
        if answer.last_record_date_time is not None:
            return parse_timestamp(answer.last_record_date_time)
        return min((row.booked_at for row in page), default=None)

    def _build_transfer(self, order: TransferOrder) -> TransferRequest:
        is_interbank = order.service is Service.TRANSFER_INTERBANK
        has_remark = not is_interbank or self.rules.has_interbank_remark
        return TransferRequest(
            partner_reference_no=order.partner_reference_no,
            amount=Amount(**format_amount(order.amount)),
            beneficiary_account_no=order.beneficiary_account_no,
            beneficiary_account_name=order.beneficiary_name if is_interbank else None,
            beneficiary_bank_code=order.beneficiary_bank_code,
            currency="IDR",
            customer_reference=order.customer_reference or None,
            fee_type=self.rules.fee_type,
            remark=(order.remark or None) if has_remark else None,
            source_account_no=order.source_account_no,
            transaction_date=self._format(order.requested_at),
            additional_info=self._transfer_info(order),
        )

    def _transfer_info(self, order: TransferOrder) -> dict[str, object] | None:
        number = self._route_number(order)
        if number is None:
            return None
        return {"transferType": number, **self._purpose(order)}

    def _inquiry_info(self, order: TransferOrder) -> dict[str, object] | None:
        number = self._route_number(order)
        if number is None:
            return None
        purpose = self._purpose(order)
        if not purpose:
            return {"inquiryService": number}
        return {
            "inquiryService": number,
            "sourceAccountNo": order.source_account_no,
            "amount": format_amount(order.amount),
            **purpose,
        }

    def _route_number(self, order: TransferOrder) -> str | None:
        if order.service is Service.TRANSFER_INTRABANK:
            return None
        return self.rules.route_number(order.route or self.rules.default_route)

    def _purpose(self, order: TransferOrder) -> dict[str, object]:
        route = order.route or self.rules.default_route
        return {"purposeCode": self.rules.purpose_code} if route is InterbankRoute.BI_FAST else {}

    async def _inquire(
        self, service: Service, path: str, body: bytes, *, max_answer_bytes: int | None = None
    ) -> CallResult:
        return await self._client.inquire(
            service,
            path,
            body,
            sender=self._sender,
            external_id_length=self.rules.external_id_length,
            max_answer_bytes=max_answer_bytes,
        )

    def _format(self, at: datetime) -> str:
        return format_timestamp(at, self._client.profile.timestamp_format)
