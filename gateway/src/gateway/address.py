"""Where a request really comes from."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network
FORWARDED_HOPS = 20


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of the client, or an empty text where there is none.

    X-Forwarded-For counts only as far as trusted proxies wrote it: read from the right, the first
    address that is not a trusted proxy is the client.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    if not trusted or not _is_trusted(peer, trusted):
        return peer
    for hop in _forwarded_for(scope):
        if _parse(hop) is None:
            break
        peer = hop
        if not _is_trusted(hop, trusted):
            break
    return peer


def client_scheme(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return `http` or `https` as the client spoke it, by the word of a trusted proxy."""
    client = scope.get("client")
    if trusted and client and _is_trusted(str(client[0]), trusted):
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto" and value in {b"http", b"https"}:
                return str(value.decode())
    return str(scope.get("scheme", "http"))


def throttle_key(address: str) -> str:
    """Return what one household shares: the address, or its /64 for IPv6."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Network((parsed, 64), strict=False))
    return address


def _forwarded_for(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops = b",".join(values).decode("latin-1").split(",")
    return [hop.strip() for hop in reversed(hops[-FORWARDED_HOPS:])]


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
