"""Which addresses and host names lie outside: a bank is called at no other.

Who may write down a bank's address must not make the platform call itself, its neighbours or the
metadata service of its cloud.
"""

import ipaddress
import re
import socket

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Names that are resolved inside a machine, a house, an office or a cluster. Sources: RFC 6761,
# RFC 6762, RFC 8375, ICANN's list of names that collide, Kubernetes and the clouds.
_INNER_ENDINGS = (
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
# What an IPv6 address may hold an IPv4 address in; the latter decides. RFC 6052, RFC 4291.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public_address(text: str) -> bool:
    """Tell whether this is the address of a host on the Internet: False for every other one."""
    try:
        address = _inside(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False  # given up as a kind of its own (RFC 3879), and still inner where it is used
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_public_host(host: str) -> bool:
    """Tell whether a host of a URL may be called, as far as can be seen without resolving it.

    False for an inner address in any writing (127.1, 0x7f000001) and for an inner name: one
    without a dot, or with an ending that is resolved inside only. A name is written in ASCII.
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
    is_inner = any(name == ending or name.endswith(f".{ending}") for ending in _INNER_ENDINGS)
    return "." in name and not is_inner


def _inside(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        embedded = address.teredo[1]
    return embedded or address
