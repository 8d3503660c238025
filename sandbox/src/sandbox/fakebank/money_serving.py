"""The bank's services for money: balance (11), statement (14), transfers (17, 18), status (36)."""

import secrets
from datetime import datetime, time, timedelta

from fastapi import APIRouter

from perisai_kit.domain import clock
from sandbox.fakebank.config import Partner
from sandbox.fakebank.exchange import BankSide, Exchange, Refused, identify, serve, successful
from sandbox.fakebank.interbank import read_route
from sandbox.fakebank.money import Entry, State, Transfer
from sandbox.fakebank.plans import REFUSALS, REPLIES, Plan, Reply
from snap_bi.answers import Answer, build_refusal
from snap_bi.codes import Case, Service, format_response_code
from snap_bi.errors import FieldProblem, ProblemKind
from snap_bi.fields import Amount, format_amount
from snap_bi.headers import read_transaction_headers
from snap_bi.profiles import Profile
from snap_bi.strict_json import parse_object
from snap_bi.timestamps import WIB, format_timestamp, parse_timestamp
from snap_bi.transfer_messages import (
    BalanceAnswer,
    BalanceRequest,
    BankStatementAnswer,
    BankStatementRequest,
    TransferAnswer,
    TransferRequest,
    TransferStatusAnswer,
    TransferStatusRequest,
)
from snap_bi.transfer_rules import InterbankRoute

PAGE_ROWS = 20
"""Rows of one page, at banks that page. The newest come first."""


def add_money_routes(router: APIRouter, side: BankSide, profile: Profile) -> None:
    """Serve the services for money at the paths of a profile."""
    rules = profile.transfers
    serve(router, rules.balance_path, side, Service.BALANCE_INQUIRY, _tell_balance)
    serve(router, rules.bank_statement_path, side, Service.BANK_STATEMENT, _tell_entries)
    serve(router, rules.intrabank_path, side, Service.TRANSFER_INTRABANK, _transfer)
    serve(router, rules.interbank_path, side, Service.TRANSFER_INTERBANK, _transfer)
    serve(router, rules.transfer_status_path, side, Service.TRANSFER_STATUS, _tell_status)


def _transfer(side: BankSide, exchange: Exchange) -> Answer:
    partner = identify(side, exchange)
    asked = TransferRequest.read(parse_object(exchange.body))
    _check_transfer(side, exchange, partner, asked)
    _check_beneficiary(side, exchange, partner, asked)
    plan = side.plans.take(asked.beneficiary_account_no)
    exchange.delivery = plan.delivery
    if plan.reply not in REFUSALS:
        balances = side.money.balances(now=clock.real_now())
        if balances[asked.source_account_no] < asked.amount.rupiah:
            raise Refused(Case.INSUFFICIENT_FUNDS)
        transfer = _make_transfer(exchange, partner, asked, plan)
        side.money.record(transfer)
        if plan.reply in (Reply.DONE, Reply.OTHER_REFERENCE):
            return _confirm(exchange, asked, transfer)
    return build_refusal(exchange.service, REPLIES[plan.reply])


def _check_transfer(
    side: BankSide, exchange: Exchange, partner: Partner, asked: TransferRequest
) -> None:
    """Refuse headers and accounts that are wrong. Raises: Refused, FieldProblem."""
    partner_id, rules = partner.entry.partner_id, partner.profile.transfers
    headers = read_transaction_headers(exchange.request.headers)
    if rules.channel_id not in (None, headers.channel_id):
        raise FieldProblem(ProblemKind.FORMAT, "CHANNEL-ID")
    if len(headers.external_id) > rules.external_id_length:
        raise FieldProblem(ProblemKind.FORMAT, "X-EXTERNAL-ID")
    if side.money.find(partner_id, headers.external_id) is not None:
        raise Refused(Case.CONFLICT)
    if len(asked.remark or "") > rules.remark_length:
        raise FieldProblem(ProblemKind.FORMAT, "remark")
    if asked.source_account_no not in side.money.balances(now=clock.real_now()):
        raise Refused(Case.INVALID_ACCOUNT)


def _check_beneficiary(
    side: BankSide, exchange: Exchange, partner: Partner, asked: TransferRequest
) -> None:
    """Refuse a beneficiary who cannot be paid. Raises: Refused, FieldProblem."""
    is_intrabank = exchange.service is Service.TRANSFER_INTRABANK
    reference = (partner.entry.partner_id, asked.partner_reference_no)
    needs_inquiry = is_intrabank and partner.profile.transfers.needs_account_inquiry
    if needs_inquiry and reference not in side.inquired:
        raise Refused(Case.BAD_REQUEST)
    if not is_intrabank and not (asked.beneficiary_bank_code and asked.beneficiary_account_name):
        raise FieldProblem(ProblemKind.MISSING, "beneficiaryBankCode")
    read_route(exchange.service, partner.profile.transfers, asked.additional_info)
    bank_code = partner.entry.bank_code if is_intrabank else asked.beneficiary_bank_code
    if side.accounts.holder(asked.beneficiary_account_no, bank_code=bank_code) is None:
        raise Refused(Case.INVALID_ACCOUNT)


def _make_transfer(
    exchange: Exchange, partner: Partner, asked: TransferRequest, plan: Plan
) -> Transfer:
    return Transfer(
        partner_id=partner.entry.partner_id,
        service=exchange.service,
        external_id=exchange.external_id or "",
        partner_reference_no=asked.partner_reference_no,
        account_no=asked.source_account_no,
        beneficiary_account_no=asked.beneficiary_account_no,
        bank_code=asked.beneficiary_bank_code,
        route=read_route(exchange.service, partner.profile.transfers, asked.additional_info),
        amount=asked.amount.rupiah,
        remark=asked.remark or asked.customer_reference or "",
        requested_at=parse_timestamp(asked.transaction_date),
        arrived_at=clock.real_now(),
        reference_no=f"{secrets.randbelow(10**12):012d}",
        plan=plan,
    )


def _confirm(exchange: Exchange, asked: TransferRequest, transfer: Transfer) -> Answer:
    is_other = transfer.plan.reply is Reply.OTHER_REFERENCE
    is_bi_fast = transfer.route is InterbankRoute.BI_FAST
    answer = TransferAnswer(
        response_code=format_response_code(exchange.service, Case.SUCCESSFUL),
        response_message=Case.SUCCESSFUL.message(),
        reference_no=transfer.reference_no,
        partner_reference_no="ANOTHER" if is_other else asked.partner_reference_no,
        amount=asked.amount,
        beneficiary_account_no=asked.beneficiary_account_no,
        beneficiary_bank_code=asked.beneficiary_bank_code,
        source_account_no=asked.source_account_no,
        trace_no=transfer.reference_no,
        additional_info={"bifastId": transfer.reference_no} if is_bi_fast else None,
    )
    return successful(exchange, answer)


def _tell_status(side: BankSide, exchange: Exchange) -> Answer:
    partner = identify(side, exchange)
    exchange.delivery = side.plans.take_delivery()
    asked = TransferStatusRequest.read(parse_object(exchange.body))
    side.money.execute_waiting(clock.real_now())
    transfer = side.money.find(partner.entry.partner_id, asked.original_external_id)
    status = None if transfer is None else _find_status(side, transfer)
    if transfer is None or status is None or transfer.service != asked.service_code:
        raise Refused(Case.TRANSACTION_NOT_FOUND)
    answer = TransferStatusAnswer(
        response_code=format_response_code(exchange.service, Case.SUCCESSFUL),
        response_message=Case.SUCCESSFUL.message(),
        latest_transaction_status=status,
        original_partner_reference_no=transfer.partner_reference_no,
        original_external_id=transfer.external_id,
        service_code=transfer.service,
        amount=Amount(**format_amount(transfer.amount)),
        source_account_no=transfer.account_no,
        beneficiary_account_no=transfer.beneficiary_account_no,
        reference_number=transfer.reference_no,
    )
    return successful(exchange, answer)


def _find_status(side: BankSide, transfer: Transfer) -> str | None:
    """Return latestTransactionStatus, or None where the bank knows of nothing."""
    count, plan = side.money.count_inquiry(transfer), transfer.plan
    if count <= plan.hidden_inquiries:
        return "07"
    if count <= plan.pending_inquiries:
        return "03"
    match transfer.state:
        case State.EXECUTED:
            return "00"
        case State.RETURNED:
            return "04"
        case State.WAITING:
            return None
        case State.NOT_EXECUTED:
            return "06" if plan.reply is Reply.PENDING else None


def _tell_balance(side: BankSide, exchange: Exchange) -> Answer:
    identify(side, exchange)
    exchange.delivery = side.plans.take_delivery()
    asked = BalanceRequest.read(parse_object(exchange.body))
    balance = side.money.balances(now=clock.real_now()).get(asked.account_no)
    if balance is None:
        raise Refused(Case.INVALID_ACCOUNT)
    info = {"balanceType": "Cash", "availableBalance": format_amount(max(balance, 0))}
    answer = BalanceAnswer(
        response_code=format_response_code(exchange.service, Case.SUCCESSFUL),
        account_no=asked.account_no,
        account_infos=[info],
    )
    return successful(exchange, answer)


def _tell_entries(side: BankSide, exchange: Exchange) -> Answer:
    partner = identify(side, exchange)
    exchange.delivery = side.plans.take_delivery()
    asked = BankStatementRequest.read(parse_object(exchange.body))
    if asked.account_no not in side.money.balances(now=clock.real_now()):
        raise Refused(Case.INVALID_ACCOUNT)
    first, last = _read_bounds(partner.profile, asked)
    entries = side.money.entries(asked.account_no, now=clock.real_now())
    found = [each for each in entries if first <= each.booked_at <= last]
    # Newest first. Of one instant the later booking comes first.
    newest = sorted(found, key=lambda each: each.booked_at)[::-1]
    pages = not partner.profile.transfers.has_midnight_bounds
    page = newest[:PAGE_ROWS] if pages else newest
    form = partner.profile.timestamp_format
    answer = BankStatementAnswer(
        response_code=format_response_code(exchange.service, Case.SUCCESSFUL),
        account_no=asked.account_no,
        has_more="Y" if len(page) < len(newest) else "N",
        last_record_date_time=format_timestamp(page[-1].booked_at, form) if page else None,
        detail_data=[_detail(each, partner.profile) for each in page],
    )
    return successful(exchange, answer)


def _read_bounds(profile: Profile, asked: BankStatementRequest) -> tuple[datetime, datetime]:
    first = parse_timestamp(asked.from_date_time)
    last = parse_timestamp(asked.to_date_time)
    if profile.transfers.has_midnight_bounds:
        if first.astimezone(WIB).time() != time() or last.astimezone(WIB).time() != time():
            raise FieldProblem(ProblemKind.FORMAT, "fromDateTime")
        last += timedelta(days=1) - timedelta.resolution
    return first, last


def _detail(entry: Entry, profile: Profile) -> dict[str, object]:
    # BCA writes the type in capitals and of the time the day only; BRI writes a word.
    has_days_only = profile.transfers.has_midnight_bounds
    at = datetime.combine(entry.booked_at.astimezone(WIB), time(), WIB)
    shown_at = at if has_days_only else entry.booked_at
    return {
        "amount": format_amount(entry.amount),
        "transactionDate": format_timestamp(shown_at, profile.timestamp_format),
        "remark": entry.remark,
        "type": entry.type.upper() if has_days_only else entry.type.title(),
        "transactionDetailStatus": "SUCCESS",
    }
