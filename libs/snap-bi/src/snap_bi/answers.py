"""The bytes we answer banks with; HTTP status and code always agree."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from snap_bi.codes import Case, Service, format_response_code
from snap_bi.fields import format_amount
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest, TokenAnswer
from snap_bi.profiles import DoubtAnswer, Profile

# Written as they are: everything in an answer is ours, or has been validated when it was read.
Fields = Mapping[str, object]
Reason = Mapping[str, str]
"""The same sentence, `english` and `indonesia`."""

# The standard's life of a token; a cache of the caller lives less.
TOKEN_LIFE_S = 900
_INQUIRY_REASON_LENGTH = 64
_ANSWER_TRX_ID_LENGTH = 32
_ANSWER_REFERENCE_LENGTH = 15
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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


def _reason(english: str, indonesia: str) -> Reason:
    return {"english": english, "indonesia": indonesia}


SUCCESS = _reason("Successful", "Berhasil")

_REASONS: dict[Case, Reason] = {
    case: _reason(english, indonesia)
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
    (Case.INVALID_BILL, "Cancelled"): _reason("The bill was cancelled", "Tagihan sudah dibatalkan"),
}
_REFUSED = _reason("The request is refused", "Permintaan ditolak")


def build_token_answer(access_token: str, *, expires_in_s: int = TOKEN_LIFE_S) -> Answer:
    """Return the answer to a good call for a token (2007300)."""
    code = format_response_code(Service.ACCESS_TOKEN, Case.SUCCESSFUL)
    answer = TokenAnswer(
        response_code=code,
        response_message=Case.SUCCESSFUL.message(),
        access_token=access_token,
        expires_in=str(expires_in_s),
    )
    return Answer(Case.SUCCESSFUL.http_status, code, answer.to_bytes())


def build_inquiry_answer(
    profile: Profile, request: InquiryRequest, *, name: str, amount: int
) -> Answer:
    """Return the answer to an inquiry whose bill may be paid: closed, `amount` rupiah."""
    data = {
        "inquiryStatus": Flag.SUCCESS,
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
    info = _echoed_info(profile, request.additional_info)
    return _answer(Service.INQUIRY, Case.SUCCESSFUL, data=data, info=info)


def build_payment_answer(
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
    trx_id, reference = request.trx_id or "", request.reference_no or ""
    paid = request.paid_amount
    data = {
        "paymentFlagStatus": flag,
        "paymentFlagReason": reason,
        "partnerServiceId": request.partner_service_id,
        "customerNo": request.customer_no,
        "virtualAccountNo": request.virtual_account_no,
        "virtualAccountName": name,
        "paymentRequestId": request.payment_request_id,
        # Two fields are shorter in the answer than in the request; a cut id would be another id.
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
    info = _echoed_info(profile, request.additional_info)
    return _answer(Service.PAYMENT, case, data=data, info=info)


def build_refusal(
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
    data: Fields | None = None
    if 400 <= case.http_status < 500 and case.http_status != 401:
        data = _refused(service, echo or Echo(), reason or find_reason(case, detail), name)
    return _answer(service, case, detail=detail, data=data)


def build_doubt_answer(profile: Profile, service: Service = Service.PAYMENT) -> Answer:
    """Return what is answered when our own commit may or may not have happened."""
    if profile.doubt_answer is DoubtAnswer.EMPTY_504:
        return Answer(504, "", b"")
    return build_refusal(service, Case.GENERAL_ERROR)


def find_reason(case: Case, detail: str | None = None) -> Reason:
    """Return the two-language reason of a case, at most 64 characters each."""
    special = _REASONS_IN_DETAIL.get((case, detail or ""))
    return special or _REASONS.get(case, _REFUSED)


def _refused(service: Service, echo: Echo, reason: Reason, name: str) -> Fields | None:
    ids = {
        "partnerServiceId": echo.partner_service_id,
        "customerNo": echo.customer_no,
        "virtualAccountNo": echo.virtual_account_no,
        "virtualAccountName": name,
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


def _answer(
    service: Service,
    case: Case,
    *,
    detail: str | None = None,
    data: Fields | None = None,
    info: Fields | None = None,
) -> Answer:
    code = format_response_code(service, case)
    answer = {
        "responseCode": code,
        "responseMessage": case.message(detail),
        "virtualAccountData": data and _present(data),
        "additionalInfo": info,
    }
    return Answer(case.http_status, code, _encode(_present(answer)).encode())


def _present(fields: Fields) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _echoed_info(profile: Profile, info: Fields | None) -> Fields | None:
    wanted = {key: (info or {}).get(key) for key in profile.echoed_additional_info}
    # Eight characters is the length of the one such field met so far (BRI's idApp).
    kept: Fields = {
        key: value
        for key, value in wanted.items()
        if isinstance(value, str) and len(value) <= 8 and value.isprintable()
    }
    return kept or None
