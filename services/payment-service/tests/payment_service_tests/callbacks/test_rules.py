from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.bank_access.rules import Refusal, Wire
from payment_service.callbacks import rules
from payment_service.callbacks.rules import CallbackOutcome, First, Repeat
from snap_bi.codes import Case, Service
from snap_bi.profiles import BCA, ExternalIdScope, ReplayAnswer

STORED = ReplayAnswer.STORED_SUCCESS
INCONSISTENT = ReplayAnswer.INCONSISTENT_WITH_FIRST_RESULT


def content(**changes: object) -> str:
    usual: dict[str, object] = {
        "partner_service_id": "   88001",
        "virtual_account_no": "   88001123",
        "paid_amount": 36_800,
        "trx_id": None,
        "paid_bills": None,
    }
    return rules.content(**{**usual, **changes})  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    "changes",
    [
        {"partner_service_id": "88001"},
        {"virtual_account_no": "88001123 "},
        {"trx_id": ""},
        {"paid_bills": "  "},
    ],
)
def test_padding_and_absence_do_not_make_other_content(changes: dict[str, object]) -> None:
    assert content(**changes) == content()


@pytest.mark.parametrize(
    "changes",
    [
        {"partner_service_id": "88002"},
        {"virtual_account_no": "88001124"},
        {"paid_amount": 36_801},
        {"trx_id": "a"},
        {"paid_bills": "1"},
    ],
)
def test_each_named_field_makes_other_content(changes: dict[str, object]) -> None:
    assert content(**changes) != content()


FIELDS = st.tuples(*[st.text('ab1,"\\[] ', max_size=5).map(str.strip)] * 4)


@given(FIELDS, FIELDS)
def test_only_the_same_fields_are_the_same_content(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    names = ("partner_service_id", "virtual_account_no", "trx_id", "paid_bills")

    first, second = (content(**dict(zip(names, each, strict=True))) for each in (one, other))

    assert (first == second) == ((*one[:3], one[3].upper()) == (*other[:3], other[3].upper()))


FIRST = First(
    callback_id=UUID(int=1),
    payment_id=UUID(int=2),
    external_id="4711",
    content_hash=b"same",
    http_status=200,
    response_code="2002500",
    answer=b"{}",
)


@pytest.mark.parametrize(
    ("content_hash", "number", "wanted", "kind"),
    [
        (b"same", "4711", STORED, Repeat.AS_STORED),
        (b"same", "4712", STORED, Repeat.AS_STORED),
        (b"same", "4711", INCONSISTENT, Repeat.INCONSISTENT),
        (b"same", "4712", INCONSISTENT, Repeat.AS_STORED),
        (b"other", "4711", STORED, Repeat.OTHER_CONTENT),
        (b"other", "4712", INCONSISTENT, Repeat.OTHER_CONTENT),
    ],
)
def test_a_repeat_is_distinguished_from_other_content(
    content_hash: bytes, number: str, wanted: ReplayAnswer, kind: Repeat
) -> None:
    found = rules.repeat(FIRST, content_hash=content_hash, external_id=number, wanted=wanted)

    assert found is kind


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (Case.BAD_REQUEST, CallbackOutcome.TURNED_BACK),
        (Case.INVALID_MANDATORY_FIELD, CallbackOutcome.TURNED_BACK),
        (Case.CONFLICT, CallbackOutcome.TURNED_BACK),
        (Case.PAID_BILL, CallbackOutcome.REFUSED),
        (Case.INVALID_AMOUNT, CallbackOutcome.REFUSED),
        (Case.FEATURE_NOT_ALLOWED, CallbackOutcome.REFUSED),
    ],
)
def test_only_what_was_decided_on_is_refused_for_good(case: Case, verdict: CallbackOutcome) -> None:
    assert rules.verdict_of(Refusal(case)) is verdict


def test_external_ids_count_across_services_where_the_profile_says_so() -> None:
    across = replace(BCA, external_id_scope=ExternalIdScope.PARTNER)

    scopes = {rules.external_id_scope(across, each) for each in Service}

    assert scopes == {""}
    assert rules.external_id_scope(BCA, Service.PAYMENT) == "25"


def test_tokens_and_signatures_are_kept_as_digests_only() -> None:
    headers = {
        "authorization": "Bearer secret",
        "x-signature": "signed",
        "x-timestamp": "x" * 1000,
        "cookie": "private",
    }

    kept = rules.kept_headers(Wire("POST", "/x", headers, b"", None))

    assert set(kept) == {"authorization-sha256", "x-signature-sha256", "x-timestamp"}
    assert "secret" not in str(kept)
    assert len(kept["x-timestamp"]) == rules.HEADER_LENGTH
