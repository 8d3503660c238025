"""What is checked of the head of a request besides its form.

Source: RFC 9112 (versions 2.3, Host 3.2).
"""

from collections.abc import Iterable

VERSIONS = frozenset({"1.0", "1.1"})
LINE_BYTES = 4
"""The colon with its space, and the end of a line."""


class HeadInvalid(ValueError):
    """Ends the parser, which reports a malformed request."""


def check_version_and_host(version: str, host_count: int) -> None:
    """Check that a request has a version that is served, and as many Host fields as it needs.

    Raises: HeadInvalid.
    """
    if version not in VERSIONS or host_count > 1 or (host_count == 0 and version == "1.1"):
        raise HeadInvalid


def measure_head(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return about how many bytes of a head have been parsed, at most as many as came."""
    return len(url) + sum(len(name) + len(value) + LINE_BYTES for name, value in headers)
