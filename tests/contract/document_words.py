"""What the document of the API leaves unsaid, and where that is known: the lists only shrink."""

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
MONEY = re.compile(
    r"(^|_)(amount|income|debits|credits|balance|benefit|base|parts)$|^acquisition_fixed$"
)
BASIS_POINTS = re.compile(r"_bps$")
UNITS = ((MONEY, "rupiah"), (BASIS_POINTS, "basis points"))


def resolve(document: Document, schema: Document) -> Document:
    """Return a schema, or the component that it refers to."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Document = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def undescribed_fields(document: Document) -> Iterator[tuple[str, str]]:
    """Yield schema and field where neither the field nor the type it refers to is described."""
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            if not found.get("description") and not resolve(document, found).get("description"):
                yield name, field


def undescribed_parameters(document: Document) -> Iterator[tuple[str, str]]:
    """Yield operation and parameter without a description."""
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if not parameter.get("description"):
                yield operation["operationId"], parameter["name"]


def fields_without_unit(document: Document) -> Iterator[tuple[str, str]]:
    """Yield schema and field of an amount or a rate whose description does not name the unit."""
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            kinds = {each.get("type") for each in (found, *found.get("anyOf", ()))}
            said = found.get("description", "").lower()
            for pattern, unit in UNITS:
                if "integer" in kinds and pattern.search(field) and unit not in said:
                    yield name, field


def operations(document: Document) -> Iterator[Document]:
    """Yield every operation."""
    for item in document["paths"].values():
        yield from item.values()


def examples(document: Document, operation: Document) -> list[Any]:
    """Return the example bodies of an operation; of a union, those of each branch."""
    content = operation["requestBody"]["content"]["application/json"]
    schema = resolve(document, content["schema"])
    branches = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found = [resolve(document, each).get("examples", []) for each in branches]
    return [example for each in found for example in each]


MEMBER = {"nik", "full_name", "phone", "village", "paid_through"}
UNDESCRIBED: dict[str, set[str]] = {
    "AcquisitionAmount": {"programmes"},
    "Address": {"street"},
    "CommissionLine": {
        "beneficiary_kind",
        "contribution_month",
        "id",
        "programme",
        "rule",
    },
    "CommissionMonth": {
        "closed_at",
        "closed_by",
        "line_count",
        "month",
        "state",
        "statement_count",
    },
    "CommissionPreview": {"beneficiary_kind", "line_count", "month", "scheme", "state"},
    "CommissionScheme": {
        "decided_at",
        "decided_by",
        "first_month",
        "name",
        "proposed_at",
        "proposed_by",
        "source",
        "status",
    },
    "CommissionTier": {"first_index", "last_index"},
    "Consent": {"given_at"},
    "EnrolmentBatch": {"accepted", "duplicate", "received_at", "refused", "rows"},
    "IncentiveStatement": {"beneficiary_kind", "issued_at", "line_count", "month"},
    "LedgerAccount": {"account", "account_class", "credits", "debits"},
    "LedgerTransfer": {
        "amount",
        "booked_at",
        "business_on",
        "cause",
        "code",
        "correction_of",
        "credit_account",
        "debit_account",
        "id",
        "key",
    },
    "Member": MEMBER
    | {
        "birth_date",
        "district",
        "email",
        "employs_others",
        "kk",
        "new_to_bpu",
        "new_to_bpu_basis",
        "nik_warnings",
        "occupations",
        "payer",
        "programmes",
        "sector",
        "sex",
        "version",
    },
    "MemberIdentity": {
        "birth_date",
        "district",
        "email",
        "full_name",
        "kk",
        "nik",
        "phone",
        "place_of_birth",
        "sex",
        "street",
        "village",
    },
    "MemberLookup": {"phone"},
    "MemberLookupResult": {"found", "members"},
    "MemberSummary": MEMBER | {"version"},
    "NewEnrolmentBatch": {"rows"},
    "NewMember": {
        "address",
        "birth_date",
        "consent",
        "email",
        "employs_others",
        "full_name",
        "new_to_bpu_basis",
        "payer",
        "phone",
        "place_of_birth",
        "sex",
        "work_declaration",
    },
    "NewScheme": {"first_month", "name"},
    "NewWorkDeclaration": {"declared_on"},
    "Occupation": {"code", "sector"},
    "Occupations": {"items"},
    "PhoneMatch": {"display_name_masked"},
    "RowError": {"code", "detail"},
    "RowVerdict": {"code", "errors", "status"},
    "SchemeApplied": {"first_month", "name"},
    "SchemeDecision": {"verdict"},
    "SchemeTerms": {"acquisition_by_programmes", "sponsored", "tiers"},
    "StatedWork": {"declared_on"},
    "WorkDeclaration": {"declared_on", "made_at", "made_by"},
    "WorkDeclarations": {"items"},
}
WITHOUT_UNIT: dict[str, set[str]] = {
    "LedgerAccount": {"balance", "credits", "debits"},
    "LedgerTransfer": {"amount"},
}
WITHOUT_EXAMPLE: set[str] = {
    "bills.cancel",
    "bills.issue",
    "commission_schemes.decide",
    "commission_schemes.propose",
    "enrolments.enrol_batch",
    "members.declare_work",
    "members.look_up",
    "members.register",
    "quotes.create",
}
