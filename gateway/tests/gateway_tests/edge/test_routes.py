import pytest

from gateway.edge.routes import (
    OPEN,
    SNAP_BODY_LIMIT,
    TABLE,
    Routes,
    Upstream,
    get_snap_service,
    list_snap_roots,
)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/v1/members", "/v1/members"),
        ("/v1/members/", "/v1/members"),
        ("/v1/members/1/coverage", "/v1/members"),
        ("/v1/members/1/a/b/c/d/e/f/g", "/v1/members"),
        ("/v1/me/sessions", "/v1/me"),
        ("/v1/me", "/v1/me"),
        ("/v1/me/bills", "/v1/me/bills"),
        ("/v1/me/bills/1", "/v1/me/bills"),
        ("/v1/me/billsx", "/v1/me"),
        ("/v1/overview/payments", "/v1/overview/payments"),
        ("/v1/overview", None),
        ("/v1/overview/else", None),
        ("/v1/membersx", None),
        ("/ready", "/ready"),
        ("/ready/details", None),
        ("/metrics", None),
        ("/feed", None),
        ("/v1/Members", None),
        ("/v1//members", None),
        ("/v1", None),
        ("/v1/", None),
        ("", None),
    ],
)
def test_prefixes_are_whole_segments(path: str, prefix: str | None) -> None:
    row = Routes().find(path)

    assert (row.prefix if row else None) == prefix


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/v1/me", Upstream.GATEWAY),
        ("/v1/me/totp", Upstream.GATEWAY),
        ("/v1/me/agent", Upstream.AGENT),
        ("/v1/me/attribution", Upstream.MEMBER),
        ("/v1/me/coverage", Upstream.MEMBER),
        ("/v1/me/bills", Upstream.PAYMENT),
        ("/v1/me/incentive", Upstream.PAYMENT),
        ("/v1/me/tax-slips", Upstream.PAYMENT),
        ("/v1/me/tax-recaps", Upstream.PAYMENT),
        ("/v1/overview/agents", Upstream.AGENT),
        ("/v1/overview/members", Upstream.MEMBER),
        ("/v1/overview/payments", Upstream.PAYMENT),
    ],
)
def test_the_longest_prefix_decides_wherever_it_stands_in_the_table(
    path: str, upstream: Upstream
) -> None:
    for rows in (TABLE, tuple(reversed(TABLE))):
        row = Routes(rows).find(path)

        assert row is not None
        assert row.upstream is upstream


def test_no_prefix_stands_twice() -> None:
    prefixes = [row.prefix for row in TABLE]

    assert len(set(prefixes)) == len(prefixes)


def test_every_row_is_under_the_api_and_has_a_limit() -> None:
    assert all(row.prefix.startswith("/v1/") for row in TABLE)
    assert all(0 < row.body_limit <= 16 * 1024 * 1024 for row in TABLE)
    assert SNAP_BODY_LIMIT == 64 * 1024


def test_only_our_own_rows_are_public() -> None:
    public = [row for row in (*TABLE, *OPEN) if row.roles is None]

    assert {row.upstream for row in public} == {Upstream.GATEWAY}


def test_the_banks_class_begins_with_the_first_segment_of_each_prefix() -> None:
    roots = list_snap_roots(("/snap/v1.0", "/openapi/v1.0", "/openapi/transaction/v1.0"))

    assert roots == ("/openapi/", "/snap/")


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/x/transfer-va/payment", "25"),
        ("/x/transfer-va/payment-intrabank", "33"),
        ("/x/transfer-va/inquiry", "24"),
        ("/x/access-token/b2b", "73"),
        ("/x/else", "00"),
    ],
)
def test_a_path_names_its_service(path: str, service: str) -> None:
    assert get_snap_service(path) == service


@pytest.mark.parametrize(
    ("raw_path", "path", "prefix"),
    [
        (b"/v1/members/a", "/v1/members/a", "/v1/members"),
        (b"/v1/%6Dembers", "/v1/members", "/v1/members"),
        (b"/v1/members/%C3%A9%20", "/v1/members/\u00e9 ", "/v1/members"),
        (b"/v1%2fmembers", "/v1/members", None),
        (b"/v1/me%2Fagent", "/v1/me/agent", None),
        (b"/v1/members/a%2Fb", "/v1/members/a/b", None),
        (b"/v1/members%3Fa", "/v1/members?a", None),
        (b"/v1%252fmembers", "/v1%2fmembers", None),
    ],
)
def test_only_unreserved_characters_may_be_encoded(
    raw_path: bytes, path: str, prefix: str | None
) -> None:
    row = Routes().find_target(raw_path, path)

    assert (row.prefix if row else None) == prefix
