"""The operations that banks call, SNAP BI services 73, 24 and 25.

They are no routes of the framework, so the messages are described by the models that read them,
with words of `snap_words`. docs/snap.md has the whole standard; docs/banks.md what we guarantee.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.edge.routes import SNAP_ENDINGS
from sandbox.openapi.schemas import REFERENCE, Document
from sandbox.openapi.snap_answers import answer_schemas
from sandbox.openapi.snap_words import EXAMPLES, FIELDS, HEADERS, REFUSALS
from snap_bi.fields import Message
from snap_bi.messages import InquiryRequest, PaymentRequest, TokenRequest
from snap_bi.profiles import PROFILES

TOKEN_SCHEME = "snap_token"
SECURITY_SCHEMES = {
    TOKEN_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": (
            "The token of `snap.request_token`, for profiles with symmetric signatures. Every "
            "request is signed as well: X-SIGNATURE."
        ),
    }
}
PREFIXES = {"/snap/v1.0": "snap", "/openapi/v1.0": "snap_bca"}
"""What the paths begin with, and what their operationIds begin with."""
SIGNED = ("X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, the same under every prefix."""

    path: str
    verb: str
    summary: str
    description: str
    request: type[Message]
    answer: str
    headers: tuple[str, ...] = SIGNED
    needs_token: bool = True


CALLS = (
    Call(
        "/access-token/b2b",
        "request_token",
        "Request an access token",
        "Service 73. The token is valid for 900 seconds.",
        TokenRequest,
        "SnapTokenAnswer",
        ("X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE"),
        needs_token=False,
    ),
    Call(
        "/transfer-va/inquiry",
        "inquire",
        "Inquire a virtual account",
        "Service 24. Says whether the bill behind a virtual account can be paid, and how much.",
        InquiryRequest,
        "SnapInquiryAnswer",
    ),
    Call(
        "/transfer-va/payment",
        "report_payment",
        "Report a payment",
        "Service 25. Books the payment of the whole amount of a bill. The exact repeat of a "
        "booked payment gets the answer that was agreed with the bank.",
        PaymentRequest,
        "SnapPaymentAnswer",
    ),
)


def snap_document() -> Document:
    """Return paths and schemas of what banks call."""
    assert set(PREFIXES) == {profile.public_prefix for profile in PROFILES.values()}
    assert {call.path for call in CALLS} == set(SNAP_ENDINGS)
    schemas = answer_schemas()
    for call in CALLS:
        schemas |= request_schemas(call.request)
    paths = {
        prefix + call.path: {"post": _operation(call, resource)}
        for prefix, resource in PREFIXES.items()
        for call in CALLS
    }
    return {"paths": paths, "components": {"schemas": schemas}}


def request_schemas(model: type[Message]) -> Document:
    """Return the schema of a message and of its parts, by published name."""
    schema = model.model_json_schema(by_alias=True, ref_template=REFERENCE + "Snap{model}")
    parts = schema.pop("$defs", {})
    schema["examples"] = [EXAMPLES[model]]
    return {f"Snap{each['title']}": _in_words(each) for each in (schema, *parts.values())}


def _in_words(schema: Document) -> Document:
    properties = {
        name: _property(name, each) for name, each in schema.get("properties", {}).items()
    }
    return {**schema, "title": f"Snap{schema['title']}", "properties": properties}


def _property(name: str, schema: Mapping[str, Any]) -> Document:
    """Return a field. Null, empty text and absence are the same, so null is not a type here."""
    found = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    kept = {key: value for key, value in found.items() if key not in {"title", "default"}}
    return {**kept, "description": FIELDS[name]}


def _operation(call: Call, resource: str) -> Document:
    body = {"$ref": f"{REFERENCE}Snap{call.request.__name__}"}
    return {
        "operationId": f"{resource}.{call.verb}",
        "summary": call.summary,
        "description": call.description,
        "parameters": [_header(name) for name in call.headers],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": _answer("Successful.", call.answer),
            **{status: _answer(text, "SnapRefusal") for status, text in _refusals(call)},
            "504": {"description": "No body: the outcome is unknown. Send the request again."},
        },
        "security": [{TOKEN_SCHEME: []}, {}] if call.needs_token else [],
    }


def _refusals(call: Call) -> Iterator[tuple[str, str]]:
    """Yield status and meaning. Only a transaction is about a bill or an X-EXTERNAL-ID."""
    for status, text in REFUSALS.items():
        if call.needs_token or status not in {"403", "404", "409"}:
            yield status, text


def _header(name: str) -> Document:
    return {"name": name, "in": "header", "required": True, **HEADERS[name]}


def _answer(description: str, schema: str) -> Document:
    content = {"application/json": {"schema": {"$ref": REFERENCE + schema}}}
    headers = {"X-TIMESTAMP": {"$ref": "#/components/headers/X-TIMESTAMP"}}
    return {"description": description, "headers": headers, "content": content}
