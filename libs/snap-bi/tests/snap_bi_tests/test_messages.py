from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snap_bi.codes import Case, Service, find_case
from snap_bi.errors import BodyInvalid, FieldProblem, ProblemKind
from snap_bi.fields import Amount, AmountNotRupiah, Message, format_amount
from snap_bi.messages import (
    AccountInquiryAnswer,
    AccountInquiryRequest,
    Echo,
    InquiryRequest,
    PaymentRequest,
    PaymentStatusAnswer,
    PaymentStatusData,
    TokenAnswer,
    TokenRequest,
)
from snap_bi.profiles import GENERIC_HMAC
from snap_bi.strict_json import parse_object

IDS = {
    "partnerServiceId": "   12345",
    "customerNo": "100000000000000005",
    "virtualAccountNo": "   12345100000000000000005",
}
INQUIRY = {**IDS, "inquiryRequestId": "i1"}
PAYMENT: dict[str, Any] = {
    **IDS,
    "paymentRequestId": "p1",
    "paidAmount": {"value": "36800.00", "currency": "IDR"},
}


def change(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {**body, head: change(body.get(head, {}), rest, value) if rest else value}


def test_ids_are_kept_exactly_as_received() -> None:
    request = PaymentRequest.read(PAYMENT)

    assert request.partner_service_id == "   12345"
    assert request.virtual_account_no == "   12345100000000000000005"
    assert request.paid_amount.rupiah == 36_800


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_text_are_like_an_absent_optional_field(empty: str | None) -> None:
    absent = PaymentRequest.read(PAYMENT)
    filled = {
        **PAYMENT,
        "trxId": empty,
        "trxDateTime": empty,
        "flagAdvise": empty,
        "totalAmount": {"value": empty, "currency": empty},
        "billDetails": empty,
        "channelCode": empty,
    }

    assert PaymentRequest.read(filled) == absent


@pytest.mark.parametrize("field", ["partnerServiceId", "paymentRequestId", "paidAmount"])
@pytest.mark.parametrize("empty", [None, "", "absent"])
def test_mandatory_field_left_empty_is_missing(field: str, empty: str | None) -> None:
    body = {key: value for key, value in PAYMENT.items() if key != field}
    if empty != "absent":
        body[field] = empty

    with pytest.raises(FieldProblem) as caught:
        PaymentRequest.read(body)

    assert (caught.value.kind, caught.value.field) == (ProblemKind.MISSING, field)
    assert find_case(Service.PAYMENT, caught.value) is Case.INVALID_MANDATORY_FIELD


def test_missing_part_of_an_amount_is_named_with_its_dotted_path() -> None:
    with pytest.raises(FieldProblem) as caught:
        PaymentRequest.read({**PAYMENT, "paidAmount": {"value": "1.00"}})

    assert (caught.value.kind, caught.value.field) == (
        ProblemKind.MISSING,
        "paidAmount.currency",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("paidAmount.value", "36800"),
        ("paidAmount.value", "36800.0"),
        ("paidAmount.value", "36800.50"),
        ("paidAmount.value", "-36800.00"),
        ("paidAmount.value", "36,800.00"),
        ("paidAmount.value", "1e3.00"),
        ("paidAmount.value", "36800.00\n"),
        ("paidAmount.value", "٣٦٨٠٠.00"),
        ("paidAmount.value", "1" * 17 + ".00"),
        ("paidAmount.value", 36800.00),
        ("paidAmount.currency", "USD"),
        ("paidAmount.currency", "idr"),
        ("paidAmount", "36800.00"),
        ("partnerServiceId", "   123456"),
        ("partnerServiceId", "   1234x"),
        ("partnerServiceId", 12345),
        ("customerNo", 100000000000000005),
        ("customerNo", "1" * 21),
        ("virtualAccountNo", "1" * 29),
        ("virtualAccountNo", "12345 1"),
        ("paymentRequestId", "x" * 129),
        ("paymentRequestId", "a\x00b"),
        ("paymentRequestId", "a\ud800b"),
        ("paymentRequestId", 5),
        ("trxId", "x" * 65),
        ("trxDateTime", "2026-10-08T10:00:00"),
        ("paidAmount", []),
        ("trxDateTime", []),
    ],
)
def test_badly_formed_field_is_named_and_its_value_is_not(field: str, value: object) -> None:
    with pytest.raises(FieldProblem) as caught:
        PaymentRequest.read(change(PAYMENT, field, value))

    assert (caught.value.kind, caught.value.field) == (ProblemKind.FORMAT, field)
    assert str(caught.value) == f"format: {field}"
    assert find_case(Service.PAYMENT, caught.value) is Case.INVALID_FIELD_FORMAT


@pytest.mark.parametrize("value", [6011, "6011"])
def test_channel_code_comes_as_number_or_text(value: object) -> None:
    assert PaymentRequest.read({**PAYMENT, "channelCode": value}).channel_code == "6011"


@pytest.mark.parametrize("name", ["trxDateInit", "txnDateInit"])
def test_both_spellings_of_the_inquiry_date_are_read(name: str) -> None:
    request = InquiryRequest.read({**INQUIRY, name: "20201231T235959Z"})

    assert request.trx_date_init == "20201231T235959Z"


def test_a_date_that_is_odd_in_both_spellings_is_left_out() -> None:
    dropped: set[str] = set()

    request = InquiryRequest.read(
        {**INQUIRY, "trxDateInit": [1], "txnDateInit": {"a": 1}}, dropped=dropped
    )

    assert request.trx_date_init is None
    assert dropped == {"trxDateInit", "txnDateInit"}


def test_inquiry_may_carry_an_amount_of_zero() -> None:
    request = InquiryRequest.read({**INQUIRY, "amount": {"value": "0.00", "currency": "IDR"}})

    assert request.amount is not None
    assert request.amount.rupiah == 0


def test_customer_number_as_json_number_needs_the_permission_of_the_profile() -> None:
    lax = replace(GENERIC_HMAC, allows_number_customer_no=True)
    body = {**INQUIRY, "customerNo": 100000000000000005}

    assert InquiryRequest.read_for(lax, body).customer_no == "100000000000000005"
    with pytest.raises(FieldProblem):
        InquiryRequest.read_for(GENERIC_HMAC, body)
    with pytest.raises(FieldProblem):
        InquiryRequest.read_for(lax, {**INQUIRY, "customerNo": True})


ODD_OPTIONAL: dict[str, tuple[object, ...]] = {
    "channelCode": (12345, True, {}, [1]),
    "flagAdvise": ("YES", 1),
    "referenceNo": ("x" * 65, 7, ["1"], "a\x00b"),
    "journalNum": (1234, "1234567"),
    "billDetails": ([{}] * 25, {"billNo": "1"}, "none", [1]),
    "freeTexts": ([{}] * 26, "text", {"english": "x"}),
    "additionalInfo": ("text", 1, ["x"], True),
    "hashedSourceAccountNo": ("x" * 64,),
    "sourceBankCode": (8, "x" * 12),
    "totalAmount": ({"value": "1", "currency": "USD"}, "1.00", {"value": []}),
    "cumulativePaymentAmount": (5,),
    "virtualAccountName": (["x"], "x" * 256),
    "paymentType": ("22", 22),
    "subCompany": (0, "000000"),
    "newField": (1, "x", [], {"a": 1}),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in ODD_OPTIONAL.items() for value in values if value != {}],
    ids=str,
)
def test_an_odd_optional_field_is_left_out_and_named(field: str, value: object) -> None:
    dropped: set[str] = set()

    request = PaymentRequest.read({**PAYMENT, field: value}, dropped=dropped)

    assert request == PaymentRequest.read(PAYMENT)
    assert dropped == {field}


@pytest.mark.parametrize("field", ["additionalInfo", "totalAmount", "cumulativePaymentAmount"])
@pytest.mark.parametrize("empty", [[], {}, None, ""])
def test_an_empty_optional_object_is_an_absent_one_in_any_writing(
    field: str, empty: object
) -> None:
    dropped: set[str] = set()

    request = PaymentRequest.read({**PAYMENT, field: empty}, dropped=dropped)

    assert (request, dropped) == (PaymentRequest.read(PAYMENT), set())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**PAYMENT, "paid_amount": PAYMENT["paidAmount"]}, "paidAmount"),
        ({**PAYMENT, "PaidAmount": PAYMENT["paidAmount"]}, "paidAmount"),
        ({**PAYMENT, "payment_request_id": "p2"}, "paymentRequestId"),
        ({**PAYMENT, "VirtualAccountNo": "1"}, "virtualAccountNo"),
        ({**PAYMENT, "paidAmount": {**PAYMENT["paidAmount"], "Value": "1.00"}}, "paidAmount.value"),
        ({**IDS, "paymentRequestId": "p1", "paid_amount": PAYMENT["paidAmount"]}, "paidAmount"),
    ],
)
def test_a_strict_field_in_another_spelling_is_missing(body: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        PaymentRequest.read(body)

    assert (caught.value.kind, caught.value.field) == (ProblemKind.MISSING, field)


def test_every_field_of_the_table_is_one_of_its_message() -> None:
    messages: list[type[Message]] = [
        TokenRequest,
        InquiryRequest,
        PaymentRequest,
        TokenAnswer,
        AccountInquiryAnswer,
        PaymentStatusAnswer,
        PaymentStatusData,
        Amount,
    ]

    for message in messages:
        assert message.STRICT_FIELDS is not None
        assert message.wire_names() >= message.STRICT_FIELDS
    required = {
        message: {field.alias for field in message.model_fields.values() if field.is_required()}
        for message in messages
    }
    assert all(names <= (message.STRICT_FIELDS or set()) for message, names in required.items())


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_is_no_part_of_the_message(mark: str) -> None:
    assert parse_object(f'{mark}{{"a":1}}'.encode()) == {"a": 1}


def test_the_bank_states_the_time_of_payment() -> None:
    request = PaymentRequest.read({**PAYMENT, "trxDateTime": "2026-10-08T10:00:00+07:00"})

    assert request.trx_at is not None
    assert request.trx_at.isoformat() == "2026-10-08T10:00:00+07:00"


def test_wrong_grant_type_is_a_bad_request() -> None:
    with pytest.raises(FieldProblem) as caught:
        TokenRequest.read({"grantType": "password"})

    assert find_case(Service.ACCESS_TOKEN, caught.value) is Case.BAD_REQUEST


@pytest.mark.parametrize("expires_in", ["900", 899])
def test_token_answer_needs_no_code_and_takes_a_number(expires_in: object) -> None:
    answer = TokenAnswer.read({"accessToken": "t", "expiresIn": expires_in})

    assert answer.expires_in == str(expires_in)


def test_account_number_is_digits() -> None:
    with pytest.raises(FieldProblem) as caught:
        AccountInquiryRequest.read({"beneficiaryAccountNo": "12-34"})

    assert caught.value.field == "beneficiaryAccountNo"


@given(st.integers(0, 10**16 - 1))
def test_an_amount_survives_writing_and_reading(rupiah: int) -> None:
    written = format_amount(rupiah)

    assert written == {"value": f"{rupiah}.00", "currency": "IDR"}
    assert Amount.read(written).rupiah == rupiah


def test_fraction_of_a_rupiah_is_not_rupiah() -> None:
    with pytest.raises(AmountNotRupiah):
        _ = Amount(value="1.50", currency="IDR").rupiah


@pytest.mark.parametrize("rupiah", [-1, 10**16])
def test_amount_outside_sixteen_digits_is_not_written(rupiah: int) -> None:
    with pytest.raises(ValueError, match="sixteen"):
        format_amount(rupiah)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "currency", "english"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*PAYMENT, "trxId", "channelCode", "x"]), JSON_VALUES))
def test_whatever_a_body_holds_is_read_or_refused_by_name(body: dict[str, object]) -> None:
    refused: list[str] = []
    try:
        PaymentRequest.read(body)
    except FieldProblem as problem:
        refused.append(problem.field.split(".")[0])

    assert set(refused) <= PaymentRequest.model_json_schema()["properties"].keys()
    assert len(Echo.of(body).request_id) <= 128


def test_echo_takes_only_lawful_text() -> None:
    echo = Echo.of({**IDS, "customerNo": 5, "virtualAccountNo": "9" * 29, "inquiryRequestId": "a"})

    assert echo == Echo("   12345", "", "", "a")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b"\xff",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_body_that_two_parsers_may_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(BodyInvalid):
        parse_object(body)


def test_same_key_in_two_objects_is_fine() -> None:
    assert parse_object(b'{"a":{"k":1},"b":{"k":2}}') == {"a": {"k": 1}, "b": {"k": 2}}
