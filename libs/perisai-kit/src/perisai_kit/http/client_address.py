"""The address of the client of a request, as trusted proxies report it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

FORWARDED_HOPS = 20
UNKNOWN = "unknown"
"""An unreadable address. No allow-list admits it. Source: RFC 7239 6.2."""


def get_client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of the client without a port, or `unknown`.

    X-Forwarded-For is trusted as far as trusted proxies wrote it: from the right, the first address
    that is not a trusted proxy is the client.
    """
    connected = scope.get("client")
    if not connected:
        return UNKNOWN
    client: str = connected[0]
    if trusted and _is_trusted(client, trusted):
        for client in _forwarded_for(scope["headers"]):
            if not _is_trusted(client, trusted):
                break
    return _read_text(client)


def get_client_scheme(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return `http` or `https`, as a trusted proxy reports it."""
    connected = scope.get("client")
    if trusted and connected and _is_trusted(connected[0], trusted):
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto" and value in {b"http", b"https"}:
                return str(value.decode())
    scheme: str = scope.get("scheme", "http")
    return scheme


def get_client_network(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the key under which requests without a sign-in are counted: the client's network."""
    return get_network(get_client_address(scope, trusted))


def get_network(address: str) -> str:
    """Return an IPv4 address as it is, and the /64 network of an IPv6 address.

    One household has one of either, so a change of its IPv6 address gives no new allowance.
    """
    parsed = _read(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


def _forwarded_for(headers: Headers) -> list[str]:
    values = [value for name, value in headers if name == b"x-forwarded-for"]
    if not values:
        return []
    hops = [hop.strip() for hop in b",".join(values).decode("latin-1").split(",")]
    return [hop for hop in reversed(hops[-FORWARDED_HOPS:]) if hop]


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = _read(text)
    if address is not None:
        for network in trusted:
            if address in network:
                return True
    return False


@lru_cache(maxsize=4096)  # the same clients return, and parsing takes microseconds
def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:443`."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:] or ("" if not port else "none")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        port = port or "none"
    if port and not (len(port) <= 5 and port.isascii() and port.isdigit() and int(port) < 2**16):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def _read_text(text: str) -> str:
    address = _read(text)
    return UNKNOWN if address is None else str(address)
