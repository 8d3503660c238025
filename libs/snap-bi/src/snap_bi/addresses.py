"""Tell public addresses and host names from private ones: banks are called at public ones only.

Otherwise a registered address could make the platform call itself, its internal
services or the metadata service of its cloud (server-side request forgery).
"""

import ipaddress
import re
import socket

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Names that resolve only on a host, in a private network or in a cluster. Sources: RFC 6761,
# RFC 6762, RFC 8375, ICANN's list of name collisions, Kubernetes and cloud providers.
_PRIVATE_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "svc",
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}")
# IPv6 ranges that embed an IPv4 address; the embedded address decides. RFC 6052, RFC 4291.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public_address(text: str) -> bool:
    """Return whether `text` is the address of a host on the public Internet."""
    try:
        address = _unwrap_ipv4(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False  # deprecated (RFC 3879), and still private where it is used
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_public_host(host: str) -> bool:
    """Return whether the host of a URL is public, as far as it shows without a DNS lookup.

    False for a private address in any notation (127.1, 0x7f000001), for a name without a dot, for a
    name with a private suffix, and for a name that is not ASCII.
    """
    name = host.strip("[]").rstrip(".").lower()
    if not name.isascii():
        return False
    if ":" in name:
        return is_public_address(name)
    if _NUMBER.fullmatch(name):
        try:
            return is_public_address(socket.inet_ntoa(socket.inet_aton(name)))
        except OSError:
            return False
    is_private = any(name == each or name.endswith(f".{each}") for each in _PRIVATE_SUFFIXES)
    return "." in name and not is_private


def _unwrap_ipv4(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        embedded = address.teredo[1]
    return embedded or address
