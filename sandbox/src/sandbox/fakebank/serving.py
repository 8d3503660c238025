"""The bank's services for the platform: token (73), account inquiries (15, 16), payments (26)."""

from fastapi import APIRouter

from sandbox.fakebank.exchange import (
    BankSide,
    Exchange,
    Refused,
    check_skew,
    identify,
    serve,
    successful,
)
from sandbox.fakebank.interbank import read_route
from sandbox.fakebank.money_serving import add_money_routes
from snap_bi.answers import Answer, build_token_answer
from snap_bi.codes import Case, Service, format_response_code
from snap_bi.headers import read_token_headers
from snap_bi.messages import (
    AccountInquiryAnswer,
    AccountInquiryRequest,
    PaymentStatusAnswer,
    PaymentStatusData,
    PaymentStatusRequest,
    TokenRequest,
)
from snap_bi.profiles import PROFILES
from snap_bi.strict_json import parse_object
from snap_bi.verification import verify_token_request


def snap_router(side: BankSide) -> APIRouter:
    """Return the routes for the bank paths of all profiles."""
    router = APIRouter(include_in_schema=False)
    for profile in PROFILES.values():
        serve(router, profile.token_path, side, Service.ACCESS_TOKEN, _token)
        for service, path in (
            (Service.ACCOUNT_INQUIRY_INTERNAL, profile.account_inquiry_internal_path),
            (Service.ACCOUNT_INQUIRY_EXTERNAL, profile.account_inquiry_external_path),
        ):
            serve(router, path, side, service, _inquire)
        serve(router, profile.payment_status_path, side, Service.PAYMENT_STATUS, _tell_status)
        add_money_routes(router, side, profile)
    return router


def _token(side: BankSide, exchange: Exchange) -> Answer:
    headers = read_token_headers(exchange.request.headers)
    partners = [one for one in side.partners.all() if one.entry.our_client_id == headers.client_key]
    if not partners:
        raise Refused(Case.UNAUTHORIZED, "Unknown client")
    for partner in partners:
        exchange.partner = partner
        exchange.verdict = verify_token_request(
            client_id=headers.client_key,
            timestamp=headers.timestamp,
            signature=headers.signature,
            public_key=partner.our_public_key,
        )
        if exchange.verdict.is_accepted:
            check_skew(partner.profile, headers.at)
            TokenRequest.read(parse_object(exchange.body))
            return build_token_answer(side.issue_token(partner))
    raise Refused(Case.UNAUTHORIZED, "Signature")


def _tell_status(side: BankSide, exchange: Exchange) -> Answer:
    partner = identify(side, exchange)
    asked = PaymentStatusRequest.read(parse_object(exchange.body))
    flag = side.flags.find(
        partner.entry.partner_id,
        asked.payment_request_id or asked.inquiry_request_id,
        number=asked.virtual_account_no.strip(),
    )
    if flag is None:
        raise Refused(Case.TRANSACTION_NOT_FOUND)
    code = format_response_code(exchange.service, Case.SUCCESSFUL)
    answer = PaymentStatusAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        virtual_account_data=PaymentStatusData(
            payment_flag_status=flag.status,
            partner_service_id=asked.partner_service_id,
            customer_no=asked.customer_no,
            virtual_account_no=asked.virtual_account_no,
            inquiry_request_id=flag.request.payment_request_id,
            payment_request_id=flag.request.payment_request_id,
            paid_amount=flag.request.paid_amount,
            trx_date_time=flag.request.trx_date_time,
            reference_no=flag.request.reference_no,
        ),
    )
    return successful(exchange, answer)


def _inquire(side: BankSide, exchange: Exchange) -> Answer:
    partner = identify(side, exchange)
    asked = AccountInquiryRequest.read(parse_object(exchange.body))
    read_route(exchange.service, partner.profile.transfers, asked.additional_info)
    exchange.delivery = side.plans.take_delivery()
    if asked.partner_reference_no is not None:
        side.inquired.add((partner.entry.partner_id, asked.partner_reference_no))
    bank_code = asked.beneficiary_bank_code or partner.entry.bank_code
    holder = side.accounts.holder(asked.beneficiary_account_no, bank_code=bank_code)
    if holder is None:
        raise Refused(Case.INVALID_ACCOUNT)
    code = format_response_code(exchange.service, Case.SUCCESSFUL)
    answer = AccountInquiryAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        partner_reference_no=asked.partner_reference_no,
        beneficiary_account_name=holder,
        beneficiary_account_no=asked.beneficiary_account_no,
        beneficiary_bank_code=asked.beneficiary_bank_code,
    )
    return successful(exchange, answer)
