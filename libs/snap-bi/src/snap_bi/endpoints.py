"""Build the part of the request target that is signed."""

from urllib.parse import parse_qsl, quote

from snap_bi.profiles import QueryRule


def build_endpoint_url(target: str, rule: QueryRule) -> str:
    """Return the EndpointUrl of a raw request target (path and query as on the wire).

    The path prefix is part of it, because the sender signed what it sent. Behind a proxy pass the
    original target, never a route template.
    """
    path, mark, query = target.partition("?")
    if not mark or rule is QueryRule.DROPPED:
        return path
    if rule is QueryRule.AS_SENT:
        return target
    return f"{path}?{_sort_query(query)}"


def _sort_query(query: str) -> str:
    # BCA: RFC 3986 encoding (a space is %20), sorted by name, then by value.
    pairs = parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    encoded = sorted((_encode(name), _encode(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")
