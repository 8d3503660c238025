"""The operations of banks are described as snap_bi reads and answers them."""

import json
from typing import Any

import jsonschema_rs
import pytest

from sandbox.openapi.schemas import REFERENCE
from sandbox.openapi.snap_words import EXAMPLES
from snap_bi.answers import (
    Answer,
    build_inquiry_answer,
    build_payment_answer,
    build_refusal,
    build_token_answer,
)
from snap_bi.codes import Case, Service
from snap_bi.fields import Message
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest
from snap_bi.profiles import BCA, BRI, GENERIC_HMAC

INQUIRY = InquiryRequest.read(EXAMPLES[InquiryRequest])
PAYMENT = PaymentRequest.read({**EXAMPLES[PaymentRequest], "trxId": "1", "flagAdvise": "Y"})
ANSWERS = {
    "SnapTokenAnswer": [build_token_answer("token")],
    "SnapInquiryAnswer": [
        build_inquiry_answer(profile, INQUIRY, name="SITI M***", amount=36_800)
        for profile in (GENERIC_HMAC, BCA, BRI)
    ],
    "SnapPaymentAnswer": [
        build_payment_answer(GENERIC_HMAC, PAYMENT, name="SITI M***", total_amount=36_800)
    ],
    "SnapRefusal": [
        build_refusal(Service.INQUIRY, Case.PAID_BILL, echo=Echo.of(EXAMPLES[InquiryRequest])),
        build_refusal(Service.PAYMENT, Case.INVALID_AMOUNT, echo=Echo.of(EXAMPLES[PaymentRequest])),
        build_refusal(Service.PAYMENT, Case.UNAUTHORIZED, detail="Signature"),
        build_refusal(Service.ACCESS_TOKEN, Case.INVALID_FIELD_FORMAT, detail="grantType"),
    ],
}


def closed(document: dict[str, Any], name: str) -> jsonschema_rs.Draft202012Validator:
    """Return a validator of a schema that refuses fields it does not name."""

    def close(schema: Any) -> Any:
        if isinstance(schema, list):
            return [close(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        shut = {key: close(value) for key, value in schema.items()}
        return {**shut, "additionalProperties": False} if "properties" in schema else shut

    schemas = close(document["components"]["schemas"])
    return jsonschema_rs.Draft202012Validator(
        {"$ref": REFERENCE + name, "components": {"schemas": schemas}}
    )


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda each: each.__name__)
def test_an_example_is_read_whole_and_fits_its_schema(
    document: dict[str, Any], model: type[Message]
) -> None:
    dropped: set[str] = set()

    model.read(EXAMPLES[model], dropped=dropped)

    assert dropped == set()
    closed(document, f"Snap{model.__name__}").validate(EXAMPLES[model])


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, each in ANSWERS.items() for answer in each]
)
def test_an_answer_fits_its_schema(document: dict[str, Any], name: str, answer: Answer) -> None:
    schema = document["components"]["schemas"][name]
    validator = closed(document, name)

    validator.validate(json.loads(answer.body))
    validator.validate(schema["examples"][0])


def test_every_address_of_banks_is_in_the_document(document: dict[str, Any]) -> None:
    names = {
        item["post"]["operationId"]: path
        for path, item in document["paths"].items()
        if item.get("post", {}).get("tags") == ["Banks"] and path.count("/v1.0/")
    }

    assert names["snap.request_token"] == "/snap/v1.0/access-token/b2b"
    assert names["snap_bca.report_payment"] == "/openapi/v1.0/transfer-va/payment"
    assert len(names) == 6
