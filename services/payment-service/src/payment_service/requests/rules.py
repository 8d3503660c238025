"""What an engineer has to compare: the string we expected to be signed."""

from snap_bi.endpoints import endpoint_url
from snap_bi.minify import body_hash
from snap_bi.profiles import Profile
from snap_bi.signing import asymmetric_string_to_sign, symmetric_string_to_sign
from snap_bi.verification import token_mark


def string_to_sign(
    profile: Profile, *, target: str, body: bytes, timestamp: str, token_digest: str
) -> str:
    """Return the string of the standard for a message, as a sender should have built it.

    The body goes in minified, whatever the sender's signature was found to match. token_digest:
    the SHA-256 of the token in hex, whose start stands for the token.
    """
    endpoint = endpoint_url(target, profile.query_rule)
    hashed = body_hash(body)
    if not profile.needs_token:
        return asymmetric_string_to_sign(
            method="POST", endpoint=endpoint, body_hash=hashed, timestamp=timestamp
        )
    return symmetric_string_to_sign(
        method="POST",
        endpoint=endpoint,
        token=token_mark(token_digest),
        body_hash=hashed,
        timestamp=timestamp,
    )
