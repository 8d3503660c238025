import pytest

from snap_bi.errors import FieldProblem, ProblemKind
from snap_bi.headers import read_token_headers, read_transaction_headers
from snap_bi.profiles import ExternalIdFormat

TRANSACTION = {
    "x-timestamp": "2026-10-08T10:00:00+07:00",
    "x-signature": "c2lnbmF0dXJl",
    "x-partner-id": "12345",
    "x-external-id": "20261008000001",
    "channel-id": "95231",
    "authorization": "Bearer AbC",
}
TOKEN = {
    "x-timestamp": "2026-10-08T10:00:00+07:00",
    "x-client-key": "client-1",
    "x-signature": "c2lnbmF0dXJl",
}


def test_headers_are_kept_as_received() -> None:
    headers = read_transaction_headers(TRANSACTION)

    assert headers.timestamp == "2026-10-08T10:00:00+07:00"
    assert headers.at.isoformat() == headers.timestamp
    assert (headers.external_id, headers.token) == ("20261008000001", "AbC")


def test_missing_authorization_is_left_to_the_token_check() -> None:
    headers = {name: value for name, value in TRANSACTION.items() if name != "authorization"}

    assert read_transaction_headers(headers).token is None


@pytest.mark.parametrize(
    "name", ["X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID"]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_transaction_header_is_named(name: str, value: str | None) -> None:
    headers = {**TRANSACTION, name.lower(): value or ""}
    if value is None:
        del headers[name.lower()]

    with pytest.raises(FieldProblem) as caught:
        read_transaction_headers(headers)

    assert (caught.value.kind, caught.value.field) == (ProblemKind.MISSING, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-TIMESTAMP", "yesterday"),
        ("X-TIMESTAMP", "2026-10-08T10:00:00"),
        ("X-TIMESTAMP", "2026-10-08T10:00:00." + "0" * 5000 + "+07:00"),
        ("X-EXTERNAL-ID", "1" * 37),
        ("X-EXTERNAL-ID", "abc"),
        ("X-EXTERNAL-ID", "١٢٣"),
        ("X-PARTNER-ID", "1" * 37),
        ("X-PARTNER-ID", "é"),
        ("X-SIGNATURE", "A" * 1025),
    ],
)
def test_badly_formed_transaction_header_is_named(name: str, value: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        read_transaction_headers({**TRANSACTION, name.lower(): value})

    assert (caught.value.kind, caught.value.field) == (ProblemKind.FORMAT, name)


@pytest.mark.parametrize(
    "value", ["8b1f6c1e-2f7e-4d0b-9f0a-5b8e4b6a1c11", "abc", "0000012", "!~", "x" * 36]
)
def test_a_text_is_an_external_id_where_that_was_agreed(value: str) -> None:
    sent = {**TRANSACTION, "x-external-id": value}

    read = read_transaction_headers(sent, external_id_format=ExternalIdFormat.TEXT36)

    assert read.external_id == value


@pytest.mark.parametrize(
    "value", ["x" * 37, "a b", "é", "١٢٣", "a\tb", "\x7f", "a\x00", "\xa012", "\x1f12"]
)
def test_what_is_no_text_of_36_is_no_external_id(value: str) -> None:
    sent = {**TRANSACTION, "x-external-id": value}

    with pytest.raises(FieldProblem) as caught:
        read_transaction_headers(sent, external_id_format=ExternalIdFormat.TEXT36)

    assert (caught.value.kind, caught.value.field) == (ProblemKind.FORMAT, "X-EXTERNAL-ID")


@pytest.mark.parametrize("value", ["123456", "9 5", "é"])
def test_an_odd_channel_refuses_nothing(value: str) -> None:
    assert read_transaction_headers({**TRANSACTION, "channel-id": value}).channel_id is None


def test_token_headers_are_read() -> None:
    assert read_token_headers(TOKEN).client_key == "client-1"


@pytest.mark.parametrize("name", ["X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE"])
def test_missing_token_header_is_named(name: str) -> None:
    headers = {key: value for key, value in TOKEN.items() if key != name.lower()}

    with pytest.raises(FieldProblem) as caught:
        read_token_headers(headers)

    assert (caught.value.kind, caught.value.field) == (ProblemKind.MISSING, name)
