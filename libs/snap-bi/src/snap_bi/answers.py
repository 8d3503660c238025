"""The bytes we answer banks with; HTTP status and code always agree."""

from dataclasses import dataclass
from enum import StrEnum

from snap_bi.codes import Case, Service, response_code
from snap_bi.fields import Amount, Reason
from snap_bi.messages import (
    Echo,
    InquiryData,
    InquiryRequest,
    PaymentData,
    PaymentRequest,
    TokenAnswer,
    VirtualAccountAnswer,
)
from snap_bi.profiles import DoubtAnswer, Profile

# The standard's life of a token; a cache of the caller lives less.
TOKEN_LIFE_S = 900
_INQUIRY_REASON_LENGTH = 64
_ANSWER_TRX_ID_LENGTH = 32
_ANSWER_REFERENCE_LENGTH = 15


class Flag(StrEnum):
    """inquiryStatus (00, 01) and paymentFlagStatus."""

    SUCCESS = "00"
    REJECTED = "01"
    TIMEOUT = "02"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, ready to be stored and sent again byte for byte.

    `response_code` is empty for the one answer without a body.
    """

    http_status: int
    response_code: str
    body: bytes


SUCCESS = Reason(english="Successful", indonesia="Berhasil")

_REASONS: dict[Case, Reason] = {
    case: Reason(english=english, indonesia=indonesia)
    for case, english, indonesia in (
        (Case.SUCCESSFUL, "Successful", "Berhasil"),
        (Case.BAD_REQUEST, "The request cannot be read", "Permintaan tidak dapat dibaca"),
        (Case.INVALID_FIELD_FORMAT, "A field is badly formed", "Format data salah"),
        (Case.INVALID_MANDATORY_FIELD, "A field is missing", "Data wajib tidak ada"),
        (Case.FEATURE_NOT_ALLOWED, "The partner is not active", "Mitra tidak aktif"),
        (Case.INVALID_ACCOUNT, "Invalid virtual account", "Nomor virtual account salah"),
        (Case.INVALID_BILL, "The bill is not found", "Tagihan tidak ditemukan"),
        (Case.INVALID_AMOUNT, "The amount differs from the bill", "Nominal tidak sesuai tagihan"),
        (Case.PAID_BILL, "The bill is already paid", "Tagihan sudah dibayar"),
        (Case.PARTNER_NOT_FOUND, "Unknown company code", "Kode perusahaan tidak dikenal"),
        (Case.INCONSISTENT_REQUEST, "The request differs", "Permintaan tidak konsisten"),
        (Case.EXPIRED_BILL, "The bill has expired", "Tagihan sudah kedaluwarsa"),
        (Case.CONFLICT, "X-EXTERNAL-ID was used before", "X-EXTERNAL-ID sudah digunakan"),
        (Case.FUNCTION_NOT_SUPPORTED, "Only POST is served", "Hanya POST yang dilayani"),
    )
}
_REASONS_IN_DETAIL: dict[tuple[Case, str], Reason] = {
    (Case.INVALID_BILL, "Cancelled"): Reason(
        english="The bill was cancelled", indonesia="Tagihan sudah dibatalkan"
    ),
}
_REFUSED = Reason(english="The request is refused", indonesia="Permintaan ditolak")


def token_answer(access_token: str, *, expires_in_s: int = TOKEN_LIFE_S) -> Answer:
    """Return the answer to a good call for a token (2007300)."""
    code = response_code(Service.ACCESS_TOKEN, Case.SUCCESSFUL)
    answer = TokenAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        access_token=access_token,
        expires_in=str(expires_in_s),
    )
    return Answer(Case.SUCCESSFUL.http_status, code, answer.to_bytes())


def inquiry_answer(profile: Profile, request: InquiryRequest, *, name: str, amount: int) -> Answer:
    """Return the answer to an inquiry whose bill may be paid: closed, `amount` rupiah."""
    code = response_code(Service.INQUIRY, Case.SUCCESSFUL)
    data = InquiryData(
        inquiry_status=Flag.SUCCESS,
        inquiry_reason=SUCCESS,
        partner_service_id=request.partner_service_id,
        customer_no=request.customer_no,
        virtual_account_no=request.virtual_account_no,
        virtual_account_name=name,
        inquiry_request_id=request.inquiry_request_id,
        total_amount=Amount.of(amount),
        sub_company=profile.sub_company,
        virtual_account_trx_type="C",
    )
    return _answer(Case.SUCCESSFUL, code, data, _echoed_info(profile, request.additional_info))


def payment_answer(
    profile: Profile,
    request: PaymentRequest,
    *,
    name: str,
    total_amount: int,
    case: Case = Case.SUCCESSFUL,
    flag: Flag = Flag.SUCCESS,
    reason: Reason = SUCCESS,
) -> Answer:
    """Return the answer to a payment that is, or once was, decided.

    Case INCONSISTENT_REQUEST with the first flag and reason answers a repeat at BCA.
    """
    code = response_code(Service.PAYMENT, case)
    reference = request.reference_no or ""
    data = PaymentData(
        payment_flag_status=flag,
        payment_flag_reason=reason,
        partner_service_id=request.partner_service_id,
        customer_no=request.customer_no,
        virtual_account_no=request.virtual_account_no,
        virtual_account_name=name,
        payment_request_id=request.payment_request_id,
        # Two fields are shorter in the answer than in the request; a cut id would be another id.
        trx_id=request.trx_id if len(request.trx_id or "") <= _ANSWER_TRX_ID_LENGTH else None,
        paid_amount=request.paid_amount,
        total_amount=Amount.of(total_amount),
        paid_bills=request.paid_bills,
        trx_date_time=request.trx_date_time,
        reference_no=reference if 0 < len(reference) <= _ANSWER_REFERENCE_LENGTH else None,
        journal_num=request.journal_num,
        payment_type=request.payment_type,
        flag_advise=request.flag_advise,
    )
    return _answer(case, code, data, _echoed_info(profile, request.additional_info))


def refusal(
    service: Service,
    case: Case,
    *,
    detail: str | None = None,
    echo: Echo | None = None,
    reason: Reason | None = None,
    name: str = "",
) -> Answer:
    """Return a refusal of 24, 25 or 73.

    A 4xx on 24 and 25 carries the echoed ids and a rejecting flag; a 401 and a 5xx never do.
    """
    data: InquiryData | PaymentData | None = None
    reason = reason or reason_of(case, detail)
    if 400 <= case.http_status < 500 and case.http_status != 401:
        if service is Service.INQUIRY:
            data = _refused_inquiry(echo or Echo(), reason, name)
        elif service is Service.PAYMENT:
            data = _refused_payment(echo or Echo(), reason, name)
    code = response_code(service, case)
    answer = VirtualAccountAnswer(
        response_code=code,
        response_message=case.message(detail),
        virtual_account_data=data,
    )
    return Answer(case.http_status, code, answer.to_bytes())


def doubt_answer(profile: Profile, service: Service = Service.PAYMENT) -> Answer:
    """Return what is answered when our own commit may or may not have happened."""
    if profile.doubt_answer is DoubtAnswer.EMPTY_504:
        return Answer(504, "", b"")
    return refusal(service, Case.GENERAL_ERROR)


def reason_of(case: Case, detail: str | None = None) -> Reason:
    """Return the two-language reason of a case, at most 64 characters each."""
    special = _REASONS_IN_DETAIL.get((case, detail or ""))
    return special or _REASONS.get(case, _REFUSED)


def _refused_inquiry(echo: Echo, reason: Reason, name: str) -> InquiryData:
    return InquiryData(
        inquiry_status=Flag.REJECTED,
        inquiry_reason=Reason(
            english=reason.english[:_INQUIRY_REASON_LENGTH],
            indonesia=reason.indonesia[:_INQUIRY_REASON_LENGTH],
        ),
        partner_service_id=echo.partner_service_id,
        customer_no=echo.customer_no,
        virtual_account_no=echo.virtual_account_no,
        virtual_account_name=name,
        inquiry_request_id=echo.request_id,
    )


def _refused_payment(echo: Echo, reason: Reason, name: str) -> PaymentData:
    return PaymentData(
        payment_flag_status=Flag.REJECTED,
        payment_flag_reason=reason,
        partner_service_id=echo.partner_service_id,
        customer_no=echo.customer_no,
        virtual_account_no=echo.virtual_account_no,
        virtual_account_name=name,
        payment_request_id=echo.request_id,
    )


def _answer(
    case: Case,
    code: str,
    data: InquiryData | PaymentData,
    additional_info: dict[str, object] | None,
) -> Answer:
    answer = VirtualAccountAnswer(
        response_code=code,
        response_message=case.message(),
        virtual_account_data=data,
        additional_info=additional_info,
    )
    return Answer(case.http_status, code, answer.to_bytes())


def _echoed_info(profile: Profile, info: dict[str, object] | None) -> dict[str, object] | None:
    wanted = {key: (info or {}).get(key) for key in profile.echoed_additional_info}
    # Eight characters is the length of the one such field met so far (BRI's idApp).
    kept: dict[str, object] = {
        key: value
        for key, value in wanted.items()
        if isinstance(value, str) and len(value) <= 8 and value.isprintable()
    }
    return kept or None
