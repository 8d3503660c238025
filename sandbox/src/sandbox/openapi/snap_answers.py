"""The schemas of our answers to banks, derived from answers that snap_bi builds."""

import json
from dataclasses import replace
from typing import Any

from sandbox.openapi.schemas import REFERENCE, Document
from sandbox.openapi.snap_words import ANSWER_FIELDS, EXAMPLES, FIELDS
from snap_bi.answers import (
    Answer,
    build_inquiry_answer,
    build_payment_answer,
    build_refusal,
    build_token_answer,
)
from snap_bi.codes import Case, Service
from snap_bi.messages import Echo, InquiryRequest, PaymentRequest
from snap_bi.profiles import GENERIC_HMAC, Profile

INQUIRY, PAYMENT = EXAMPLES[InquiryRequest], EXAMPLES[PaymentRequest]
# A bank, and what it sends beside the example: as usual, and so that answers have all fields.
USUAL: tuple[Profile, Document] = GENERIC_HMAC, {}
WHOLE: tuple[Profile, Document] = (
    replace(GENERIC_HMAC, sub_company="00000", echoed_additional_info=("idApp",)),
    {
        **dict.fromkeys(("trxId", "paidBills", "journalNum", "paymentType", "flagAdvise"), "1"),
        "additionalInfo": {"idApp": "1"},
    },
)


def answer_schemas() -> Document:
    """Return the schemas of our answers, by published name."""
    token = build_token_answer("q3xkQ0pVYm5aT1l2c2NwV2t1")
    unpayable = build_refusal(Service.INQUIRY, Case.PAID_BILL, echo=Echo.of(INQUIRY))
    unpaid = build_refusal(Service.PAYMENT, Case.PAID_BILL, echo=Echo.of(PAYMENT))
    answers = {
        "TokenAnswer": ("An access token.", token, token),
        "InquiryAnswer": ("The bill can be paid.", _inquire(*USUAL), _inquire(*WHOLE)),
        "PaymentAnswer": ("The payment is booked.", _pay(*USUAL), _pay(*WHOLE)),
        "Refusal": ("The request is refused; docs/snap.md lists the codes.", unpayable, unpaid),
    }
    return {f"Snap{name}": _schema(f"Snap{name}", *each) for name, each in answers.items()}


def _inquire(profile: Profile, more: Document) -> Answer:
    request = InquiryRequest.read(INQUIRY | more)
    return build_inquiry_answer(profile, request, name="SITI M***", amount=36_800)


def _pay(profile: Profile, more: Document) -> Answer:
    request = PaymentRequest.read(PAYMENT | more)
    return build_payment_answer(profile, request, name="SITI M***", total_amount=36_800)


def _schema(title: str, description: str, usual: Answer, other: Answer) -> Document:
    """Return the schema of an answer that has the fields of both; the usual one is the example."""
    example = json.loads(usual.body)
    properties = _properties(_merge(example, json.loads(other.body)))
    properties["responseCode"]["pattern"] = r"^[0-9]{7}$"
    return {
        "title": title,
        "type": "object",
        "description": description,
        "required": ["responseCode", "responseMessage"],
        "properties": properties,
        "examples": [example],
    }


def _merge(one: Document, other: Document) -> Document:
    both = {
        name: _merge(one.get(name, {}), value) if isinstance(value, dict) else value
        for name, value in other.items()
    }
    return {**one, **both}


def _properties(fields: Document) -> Document:
    return {name: _property(name, value) for name, value in fields.items()}


def _property(name: str, value: Any) -> Document:
    """Return a field. What has no words of its own is repeated from the request."""
    assert name in ANSWER_FIELDS or name in FIELDS, f"{name} is not described"
    match value:
        case {"currency": _}:
            schema: Document = {"$ref": REFERENCE + "SnapAmount"}
        case dict() if name == "additionalInfo":
            schema = {"type": "object"}
        case dict():
            schema = {"type": "object", "properties": _properties(value)}
        case _:
            schema = {"type": "string"}
    return {**schema, "description": ANSWER_FIELDS.get(name, "As it came.")}
