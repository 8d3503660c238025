import json
from typing import Any

import pytest

from snap_bi.answers import (
    Answer,
    build_doubt_answer,
    build_inquiry_answer,
    build_payment_answer,
    build_refusal,
    build_token_answer,
    find_reason,
)
from snap_bi.codes import Case, ResponseCode, Service, format_response_code
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC, GENERIC_RSA, PROFILES, Profile
from snap_bi.readings import BankReading, read_payment_answer

IDS = {"partnerServiceId": "   12345", "customerNo": "18", "virtualAccountNo": "   1234518"}
PAYMENT = PaymentRequest.read(
    {
        **IDS,
        "paymentRequestId": "p1",
        "paidAmount": {"value": "36800.00", "currency": "IDR"},
        "referenceNo": "12345678901",
        "flagAdvise": "N",
    }
)
INQUIRY = InquiryRequest.read({**IDS, "inquiryRequestId": "i1", "additionalInfo": {"idApp": "T"}})


def parse_body(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.body)
    return body


def test_paid_bill_on_a_payment_is_4042514() -> None:
    assert format_response_code(Service.PAYMENT, Case.PAID_BILL) == "4042514"


def test_cases_have_distinct_codes() -> None:
    codes = [format_response_code(Service.INQUIRY, case) for case in Case]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("case", "detail", "message"),
    [
        (Case.UNAUTHORIZED, "Signature", "Unauthorized. [Signature]"),
        (Case.INVALID_FIELD_FORMAT, "paidAmount.value", "Invalid Field Format paidAmount.value"),
        (Case.INVALID_MANDATORY_FIELD, "X-SIGNATURE", "Invalid Mandatory Field X-SIGNATURE"),
        (Case.INVALID_BILL, "Not Found", "Invalid Bill/Virtual Account [Not Found]"),
        (Case.UNAUTHORIZED, None, "Unauthorized."),
        (Case.PAID_BILL, None, "Paid Bill"),
        (Case.INVALID_FIELD_FORMAT, "{}", "Invalid Field Format {}"),
    ],
)
def test_message_carries_the_detail(case: Case, detail: str | None, message: str) -> None:
    assert case.message(detail) == message


def test_message_is_never_longer_than_the_standard_allows() -> None:
    assert len(Case.UNAUTHORIZED.message("x" * 500)) == 150


@pytest.mark.parametrize("text", ["500000", "20025000", "", None, 2002500, "abc2500", "9992500"])
def test_what_is_not_seven_digits_is_no_code(text: object) -> None:
    assert ResponseCode.parse(text) is None


def test_token_answer_says_its_life_as_text() -> None:
    body = parse_body(build_token_answer("t"))

    assert body["responseCode"] == "2007300"
    assert (body["accessToken"], body["tokenType"], body["expiresIn"]) == ("t", "Bearer", "900")


def test_inquiry_answer_echoes_ids_and_names_the_amount() -> None:
    answer = build_inquiry_answer(GENERIC_HMAC, INQUIRY, name="A. B.", amount=36_800)
    data = parse_body(answer)["virtualAccountData"]

    assert (answer.http_status, answer.response_code) == (200, "2002400")
    assert {name: data[name] for name in IDS} == IDS
    assert data["inquiryRequestId"] == "i1"
    assert data["totalAmount"] == {"value": "36800.00", "currency": "IDR"}
    assert data["inquiryStatus"] == "00"
    assert "additionalInfo" not in parse_body(answer)


def test_inquiry_answer_carries_what_only_one_bank_wants() -> None:
    bca = parse_body(build_inquiry_answer(BCA, INQUIRY, name="A", amount=1))
    bri = parse_body(build_inquiry_answer(BRI, INQUIRY, name="A", amount=1))

    assert bca["virtualAccountData"]["subCompany"] == "00000"
    assert bri["additionalInfo"] == {"idApp": "T"}
    assert "subCompany" not in bri["virtualAccountData"]


def test_payment_answer_echoes_what_was_paid() -> None:
    data = parse_body(build_payment_answer(GENERIC_HMAC, PAYMENT, name="A", total_amount=36_800))[
        "virtualAccountData"
    ]

    assert data["paymentFlagStatus"] == "00"
    assert data["paidAmount"] == data["totalAmount"] == {"value": "36800.00", "currency": "IDR"}
    assert (data["referenceNo"], data["flagAdvise"]) == ("12345678901", "N")


def test_reference_too_long_for_the_answer_is_left_out_and_not_cut() -> None:
    long = PAYMENT.model_copy(update={"reference_no": "1" * 16, "trx_id": "2" * 33})
    data = parse_body(build_payment_answer(GENERIC_HMAC, long, name="A", total_amount=1))

    assert not {"referenceNo", "trxId"} & data["virtualAccountData"].keys()


@pytest.mark.parametrize("service", [Service.INQUIRY, Service.PAYMENT])
def test_refusal_echoes_ids_with_a_reason_in_two_languages(service: Service) -> None:
    echo = Echo.of({**IDS, "paymentRequestId": "p1"})
    answer = build_refusal(service, Case.PAID_BILL, echo=echo)
    data = parse_body(answer)["virtualAccountData"]
    prefix = "inquiry" if service is Service.INQUIRY else "paymentFlag"

    assert answer.http_status == 404
    assert {name: data[name] for name in IDS} == IDS
    assert data[f"{prefix}Status"] == "01"
    assert data[f"{prefix}Reason"] == {
        "english": "The bill is already paid",
        "indonesia": "Tagihan sudah dibayar",
    }


@pytest.mark.parametrize("case", [Case.UNAUTHORIZED, Case.INVALID_TOKEN, Case.GENERAL_ERROR])
def test_unauthorised_and_failed_answers_carry_no_account_data(case: Case) -> None:
    body = parse_body(build_refusal(Service.PAYMENT, case, echo=Echo.of(IDS)))

    assert body.keys() == {"responseCode", "responseMessage"}


def test_token_refusal_is_code_and_message_only() -> None:
    body = parse_body(
        build_refusal(Service.ACCESS_TOKEN, Case.UNAUTHORIZED, detail="Unknown client")
    )

    assert body == {
        "responseCode": "4017300",
        "responseMessage": "Unauthorized. [Unknown client]",
    }


def test_a_cancelled_bill_is_not_said_to_be_unknown() -> None:
    cancelled = parse_body(build_refusal(Service.PAYMENT, Case.INVALID_BILL, detail="Cancelled"))
    unknown = parse_body(build_refusal(Service.PAYMENT, Case.INVALID_BILL, detail="Not Found"))

    reasons = [
        body["virtualAccountData"]["paymentFlagReason"]["english"] for body in (cancelled, unknown)
    ]
    assert reasons == ["The bill was cancelled", "The bill was not found"]


@pytest.mark.parametrize("service", [Service.INQUIRY, Service.PAYMENT, Service.ACCESS_TOKEN])
@pytest.mark.parametrize("case", [case for case in Case if case.http_status >= 400])
def test_the_status_of_every_refusal_is_the_first_three_digits_of_its_code(
    service: Service, case: Case
) -> None:
    answer = build_refusal(service, case, detail="X", echo=Echo.of(IDS))

    body = parse_body(answer)
    assert (
        body["responseCode"]
        == answer.response_code
        == f"{case.http_status}{service}" + (case.case_code)
    )
    assert 0 < len(body["responseMessage"]) <= 150
    has_data = 400 <= case.http_status < 500 and case.http_status != 401
    assert ("virtualAccountData" in body) is (has_data and service is not Service.ACCESS_TOKEN)


@pytest.mark.parametrize("case", Case)
def test_every_reason_fits_the_inquiry_field(case: Case) -> None:
    reason = find_reason(case)

    assert 0 < len(reason["english"]) <= 64
    assert 0 < len(reason["indonesia"]) <= 64


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
def test_doubt_never_loses_the_customers_money(profile: Profile) -> None:
    answer = build_doubt_answer(profile)

    assert answer.http_status >= 500
    assert read_payment_answer(profile, answer.body) in (
        BankReading.SUSPENDED,
        BankReading.TIMED_OUT,
    )


@pytest.mark.parametrize("profile", [GENERIC_HMAC, GENERIC_RSA], ids=lambda one: one.name)
def test_generic_doubt_is_a_general_error(profile: Profile) -> None:
    answer = build_doubt_answer(profile)

    assert answer.response_code == "5002500"
    assert read_payment_answer(profile, answer.body) is BankReading.SUSPENDED


READINGS = [
    # How each bank reads an answer: code, flag, BCA, BRI.
    ("2002500", "00", "paid", "paid"),
    ("2002500", "01", "rejected", "reversed"),
    ("2002500", "02", "timed_out", "suspended"),
    ("2002500", None, "timed_out", "suspended"),
    ("2022500", "00", "paid", "reversed"),
    ("4042514", "01", "rejected", "reversed"),
    ("4042518", "00", "paid", "reversed"),
    ("4042518", "01", "rejected", "reversed"),
    ("4092500", "01", "rejected", "reversed"),
    ("4292500", None, "rejected", "suspended"),
    ("5002500", None, "rejected", "suspended"),
    ("5042500", None, "rejected", "suspended"),
    ("500000", None, "timed_out", "suspended"),
    ("2002400", "00", "timed_out", "suspended"),
]


@pytest.mark.parametrize(("code", "flag", "at_bca", "at_bri"), READINGS)
def test_each_bank_reads_the_same_answer_in_its_own_way(
    code: str, flag: str | None, at_bca: str, at_bri: str
) -> None:
    data = {"paymentFlagStatus": flag} if flag else {}
    body = json.dumps({"responseCode": code, "virtualAccountData": data}).encode()

    assert read_payment_answer(BCA, body) == at_bca
    assert read_payment_answer(BRI, body) == at_bri


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"virtualAccountData":5}'])
def test_answer_without_a_code_is_no_answer(body: bytes) -> None:
    assert read_payment_answer(BCA, body) is BankReading.TIMED_OUT
    assert read_payment_answer(BRI, body) is BankReading.SUSPENDED


def test_real_banks_have_no_answer_to_a_repeat_until_they_sign_off() -> None:
    signed_off = {name for name, profile in PROFILES.items() if profile.is_signed_off}

    assert signed_off == {GENERIC_HMAC.name, GENERIC_RSA.name}
