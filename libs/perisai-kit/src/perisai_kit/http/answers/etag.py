"""ETags: the version of an object, the digest of an answer, and what clients say of them.

An answer to a change has the version alone, `"3"`. An answer to a GET has a digest too,
`"3.8b1a9953c4611296"`, or a digest alone: what it shows may change while the version stays.
If-Match compares versions, If-None-Match whole tags.
"""

import hashlib
import re
from collections.abc import Collection, Iterable

# A proxy that compresses an answer changes its ETag to `W/"3"` or `"3-gzip"`, and the client sends
# back that form. It means the same.
_ENCODING = r"(?:[-;](?:gzip|br|zstd|deflate))?"
_VERSION = re.compile(rf'(?:W/)?"([0-9]{{1,18}})(?:\.[0-9a-f]{{16}})?{_ENCODING}"')
_TAG = re.compile(rf'(?:W/)?"([^"]*?){_ENCODING}"')
_BARE_VERSION = re.compile(r'"[0-9]{1,18}"')


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def allows(if_match: str, version: int) -> bool:
    """Tell whether an If-Match header names this version, or `*` for any."""
    if if_match.strip() == "*":
        return True
    # An ETag in another form is not ours and matches nothing.
    found = (_VERSION.fullmatch(part.strip()) for part in if_match.split(","))
    return any(int(each[1]) == version for each in found if each)


def with_digest(own: str | None, body: bytes, *, made_at: Collection[str] = ()) -> str:
    """Return the ETag of an answer to a GET.

    own: what its route has set: a version gets the digest of the body, another ETag stays.
    made_at: the fields of the body that only say when it was made, which the digest leaves out.
    """
    if own is not None and not _BARE_VERSION.fullmatch(own):
        return own
    if made_at:
        names = "|".join(map(re.escape, made_at))
        body = re.sub(rf'"(?:{names})":\s*"[^"]*"'.encode(), b"", body)
    digest = hashlib.blake2b(body, digest_size=8).hexdigest()
    return f'"{digest}"' if own is None else f'{own[:-1]}.{digest}"'


def is_known(if_none_match: Iterable[str], current: str) -> bool:
    """Tell whether If-None-Match names this ETag, compared weakly. Source: RFC 9110 13.1.2."""
    wanted = _TAG.fullmatch(current)
    return wanted is not None and any(
        given.strip() == "*" or wanted[1] in _TAG.findall(given) for given in if_none_match
    )
