from ipaddress import ip_network
from typing import Any

import pytest

from gateway.address import client_address, client_scheme, throttle_key

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def scope(peer: str | None, *forwarded: str, proto: str | None = None) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    client = None if peer is None else (peer, 1)
    return {"client": client, "headers": headers, "scheme": "http"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        # Whoever is not our proxy says nothing about himself.
        ("203.0.113.9", ("1.2.3.4",), "203.0.113.9"),
        # Only what our proxies wrote counts: the rightmost stranger.
        ("10.0.0.1", ("1.2.3.4, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("1.2.3.4", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        ("fd00::1", ("2001:db8::7",), "2001:db8::7"),
        ("10.0.0.1", ("10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("1.2.3.4, nonsense",), "10.0.0.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        (None, ("1.2.3.4",), ""),
    ],
)
def test_who_the_client_is(peer: str | None, forwarded: tuple[str, ...], address: str) -> None:
    assert client_address(scope(peer, *forwarded), TRUSTED) == address


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("203.0.113.9", "https", "http"),
        ("10.0.0.1", "gopher", "http"),
        ("10.0.0.1", None, "http"),
    ],
)
def test_how_the_client_came(peer: str, proto: str | None, scheme: str) -> None:
    assert client_scheme(scope(peer, proto=proto), TRUSTED) == scheme


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
        ("", ""),
    ],
)
def test_a_household_counts_as_one(address: str, key: str) -> None:
    assert throttle_key(address) == key
