from ipaddress import ip_network

import pytest
from starlette.types import Scope

from perisai_kit.http.client_address import get_client_address, get_client_scheme, get_network

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("fd00::/8"))


def scope(peer: str | None, *forwarded: str, proto: str | None = None) -> Scope:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    client = None if peer is None else (peer, 40_000)
    return {"type": "http", "scheme": "http", "client": client, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        # Only a trusted proxy may name the client.
        ("203.0.113.9", ("1.2.3.4",), "203.0.113.9"),
        # Only what our proxies wrote counts: the rightmost address that is none of them.
        ("10.0.0.1", ("1.2.3.4, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("1.2.3.4", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        ("fd00::1", ("2001:db8::7",), "2001:db8::7"),
        ("10.0.0.1", ("10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", (" , ,",), "10.0.0.1"),
        # Some proxies add the port.
        ("10.0.0.1", ("203.0.113.9:51874",), "203.0.113.9"),
        ("10.0.0.1", ("[2001:db8::7]:443",), "2001:db8::7"),
        ("10.0.0.1", ("[2001:db8::7]",), "2001:db8::7"),
        ("10.0.0.1", ("203.0.113.9:51874, 10.0.0.2:80",), "203.0.113.9"),
        # A socket for both families shows IPv4 as IPv6.
        ("::ffff:127.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("::ffff:203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", ("::ffff:203.0.113.9",), "203.0.113.9"),
        # An unreadable address is `unknown`, never that of the proxy.
        ("10.0.0.1", ("nonsense",), "unknown"),
        ("10.0.0.1", ("1.2.3.4, nonsense",), "unknown"),
        ("10.0.0.1", ("203.0.113.9:port",), "unknown"),
        ("10.0.0.1", ("203.0.113.9:",), "unknown"),
        ("10.0.0.1", ("203.0.113.9:99999",), "unknown"),
        ("10.0.0.1", ("[2001:db8::7]443",), "unknown"),
        ("10.0.0.1", ("[2001:db8::7]:",), "unknown"),
        ("10.0.0.1", ("[2001:db8::7",), "unknown"),
        ("10.0.0.1", ("unknown",), "unknown"),
        (None, ("1.2.3.4",), "unknown"),
    ],
)
def test_who_the_client_is(peer: str | None, forwarded: tuple[str, ...], address: str) -> None:
    assert get_client_address(scope(peer, *forwarded), TRUSTED) == address


def test_without_trusted_proxies_nobody_else_is_believed() -> None:
    assert get_client_address(scope("127.0.0.1", "203.0.113.7"), ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("::ffff:10.0.0.1", "https", "https"),
        ("203.0.113.9", "https", "http"),
        ("10.0.0.1", "gopher", "http"),
        ("10.0.0.1", None, "http"),
    ],
)
def test_how_the_client_came(peer: str, proto: str | None, scheme: str) -> None:
    assert get_client_scheme(scope(peer, proto=proto), TRUSTED) == scheme


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_household_counts_as_one(address: str, key: str) -> None:
    assert get_network(address) == key
