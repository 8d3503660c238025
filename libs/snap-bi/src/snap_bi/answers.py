"""Build the bytes of our answers to banks; HTTP status and response code always agree."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic_core import to_json

from snap_bi.codes import Case, Service, format_response_code
from snap_bi.fields import format_amount
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest, TokenAnswer
from snap_bi.profiles import DoubtAnswer, Profile
from snap_bi.records import record

# Not validated again: every value is our own, or was validated when the request was read.
Fields = Mapping[str, object]
Reason = Mapping[str, str]
"""One sentence in two languages, under the keys `english` and `indonesia`."""

# The token lifetime of the standard; clients must cache a token for less than this.
TOKEN_LIFE_S = 900
_INQUIRY_REASON_LENGTH = 64
_ANSWER_TRX_ID_LENGTH = 32
_ANSWER_REFERENCE_LENGTH = 15


class Flag(StrEnum):
    """Values of inquiryStatus and paymentFlagStatus in our answers."""

    SUCCESS = "00"
    REJECTED = "01"


@record
class Answer:
    """An answer that can be stored and sent again byte for byte.

    `response_code` is empty for the one answer without a body (504).
    """

    http_status: int
    response_code: str
    body: bytes


def make_reason(english: str, indonesia: str) -> Reason:
    return {"english": english, "indonesia": indonesia}


SUCCESS = make_reason("Successful", "Berhasil")

_REASONS: dict[Case, Reason] = {
    case: make_reason(english, indonesia)
    for case, english, indonesia in (
        (Case.SUCCESSFUL, "Successful", "Berhasil"),
        (Case.BAD_REQUEST, "The request cannot be read", "Permintaan tidak dapat dibaca"),
        (Case.INVALID_FIELD_FORMAT, "A field has a wrong format", "Format data salah"),
        (Case.INVALID_MANDATORY_FIELD, "A field is missing", "Data wajib tidak ada"),
        (Case.FEATURE_NOT_ALLOWED, "The partner is not active", "Mitra tidak aktif"),
        (Case.INVALID_ACCOUNT, "Invalid virtual account", "Nomor virtual account salah"),
        (Case.INVALID_BILL, "The bill was not found", "Tagihan tidak ditemukan"),
        (Case.INVALID_AMOUNT, "The amount differs from the bill", "Nominal tidak sesuai tagihan"),
        (Case.PAID_BILL, "The bill is already paid", "Tagihan sudah dibayar"),
        (Case.PARTNER_NOT_FOUND, "Unknown company code", "Kode perusahaan tidak dikenal"),
        (
            Case.INCONSISTENT_REQUEST,
            "The request differs from the first one",
            "Permintaan berbeda dari yang pertama",
        ),
        (Case.EXPIRED_BILL, "The bill has expired", "Tagihan sudah kedaluwarsa"),
        (Case.CONFLICT, "X-EXTERNAL-ID was used before", "X-EXTERNAL-ID sudah digunakan"),
        (Case.FUNCTION_NOT_SUPPORTED, "Only POST is served", "Hanya POST yang dilayani"),
    )
}
_REASONS_IN_DETAIL: dict[tuple[Case, str], Reason] = {
    (Case.INVALID_BILL, "Cancelled"): make_reason(
        "The bill was cancelled", "Tagihan sudah dibatalkan"
    ),
}
_REFUSED = make_reason("The request is refused", "Permintaan ditolak")


def build_token_answer(access_token: str) -> Answer:
    """Return the answer to a valid token request (2007300)."""
    code = format_response_code(Service.ACCESS_TOKEN, Case.SUCCESSFUL)
    answer = TokenAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        access_token=access_token,
        expires_in=str(TOKEN_LIFE_S),
    )
    return Answer(Case.SUCCESSFUL.http_status, code, answer.to_bytes())


def build_inquiry_answer(
    profile: Profile, request: InquiryRequest, *, name: str, amount: int
) -> Answer:
    """Return the answer to an inquiry about a payable bill: fixed amount, in whole rupiah."""
    data = {
        "inquiryStatus": Flag.SUCCESS.value,
        "inquiryReason": SUCCESS,
        "partnerServiceId": request.partner_service_id,
        "customerNo": request.customer_no,
        "virtualAccountNo": request.virtual_account_no,
        "virtualAccountName": name,
        "inquiryRequestId": request.inquiry_request_id,
        "totalAmount": format_amount(amount),
        "subCompany": profile.sub_company,
        "virtualAccountTrxType": "C",
    }
    info = _pick_echoed_info(profile, request.additional_info)
    return _build_answer(Service.INQUIRY, Case.SUCCESSFUL, data=data, info=info)


def build_payment_answer(
    profile: Profile, request: PaymentRequest, *, name: str, total_amount: int
) -> Answer:
    """Return the answer to a payment flag that was booked. total_amount: whole rupiah."""
    trx_id, reference = request.trx_id or "", request.reference_no or ""
    paid = request.paid_amount
    data = {
        "paymentFlagStatus": Flag.SUCCESS.value,
        "paymentFlagReason": SUCCESS,
        "partnerServiceId": request.partner_service_id,
        "customerNo": request.customer_no,
        "virtualAccountNo": request.virtual_account_no,
        "virtualAccountName": name,
        "paymentRequestId": request.payment_request_id,
        # The answer allows fewer characters than the request. A truncated id would be another id.
        "trxId": trx_id if 0 < len(trx_id) <= _ANSWER_TRX_ID_LENGTH else None,
        "paidAmount": {"value": paid.value, "currency": paid.currency},
        "totalAmount": format_amount(total_amount),
        "paidBills": request.paid_bills,
        "trxDateTime": request.trx_date_time,
        "referenceNo": reference if 0 < len(reference) <= _ANSWER_REFERENCE_LENGTH else None,
        "journalNum": request.journal_num,
        "paymentType": request.payment_type,
        "flagAdvise": request.flag_advise,
    }
    info = _pick_echoed_info(profile, request.additional_info)
    return _build_answer(Service.PAYMENT, Case.SUCCESSFUL, data=data, info=info)


def build_refusal(
    service: Service,
    case: Case,
    *,
    detail: str | None = None,
    echo: Echo | None = None,
) -> Answer:
    """Return a refusal of service 24, 25 or 73.

    On 24 and 25 a 4xx carries the ids of the request and a rejecting flag. A 401 and a 5xx do not.
    """
    data: Fields | None = None
    if 400 <= case.http_status < 500 and case.http_status != 401:
        data = build_rejected_data(service, echo or Echo(), find_reason(case, detail))
    return _build_answer(service, case, detail=detail, data=data)


def build_doubt_answer(profile: Profile) -> Answer:
    """Return the answer to a payment flag when the outcome of our commit is unknown."""
    if profile.doubt_answer is DoubtAnswer.EMPTY_504:
        return Answer(504, "", b"")
    return build_refusal(Service.PAYMENT, Case.GENERAL_ERROR)


def find_reason(case: Case, detail: str | None = None) -> Reason:
    """Return the reason of a case in both languages, at most 64 characters each."""
    special = _REASONS_IN_DETAIL.get((case, detail or ""))
    return special or _REASONS.get(case, _REFUSED)


def build_rejected_data(service: Service, echo: Echo, reason: Reason) -> Fields | None:
    """Return virtualAccountData of a refusal of 24 or 25; None for another service."""
    ids = {
        "partnerServiceId": echo.partner_service_id,
        "customerNo": echo.customer_no,
        "virtualAccountNo": echo.virtual_account_no,
        "virtualAccountName": "",
    }
    if service is Service.INQUIRY:
        short = {language: text[:_INQUIRY_REASON_LENGTH] for language, text in reason.items()}
        return {
            "inquiryStatus": Flag.REJECTED,
            "inquiryReason": short,
            **ids,
            "inquiryRequestId": echo.request_id,
        }
    if service is Service.PAYMENT:
        return {
            "paymentFlagStatus": Flag.REJECTED,
            "paymentFlagReason": reason,
            **ids,
            "paymentRequestId": echo.request_id,
        }
    return None


def _build_answer(
    service: Service,
    case: Case,
    *,
    detail: str | None = None,
    data: Fields | None = None,
    info: Fields | None = None,
) -> Answer:
    code = format_response_code(service, case)
    answer: dict[str, object] = {
        "responseCode": code,
        "responseMessage": case.message(detail),
    }
    if data:
        answer["virtualAccountData"] = _drop_none(data)
    if info:
        answer["additionalInfo"] = info
    return Answer(case.http_status, code, to_json(answer))


def _drop_none(fields: Fields) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _pick_echoed_info(profile: Profile, info: Fields | None) -> Fields | None:
    if not info:
        return None
    wanted = {key: info.get(key) for key in profile.echoed_additional_info}
    # Eight characters is the length of the only such field known so far (idApp of BRI).
    kept: Fields = {
        key: value
        for key, value in wanted.items()
        if isinstance(value, str) and len(value) <= 8 and value.isprintable()
    }
    return kept or None
