"""What an engineer has to compare: the string we expected to be signed."""

from snap_bi.endpoints import build_endpoint_url
from snap_bi.minify import hash_body
from snap_bi.profiles import Profile
from snap_bi.signing import build_asymmetric_string_to_sign, build_symmetric_string_to_sign
from snap_bi.verification import mask_token_digest


def string_to_sign(
    profile: Profile, *, target: str, body: bytes, timestamp: str, token_digest: str
) -> str:
    """Return the string of the standard for a message, as a sender should have built it.

    The body goes in minified, whatever the sender's signature was found to match. token_digest:
    the SHA-256 of the token in hex, whose start stands for the token.
    """
    endpoint = build_endpoint_url(target, profile.query_rule)
    hashed = hash_body(body)
    if not profile.needs_token:
        return build_asymmetric_string_to_sign(
            method="POST", endpoint=endpoint, body_hash=hashed, timestamp=timestamp
        )
    return build_symmetric_string_to_sign(
        method="POST",
        endpoint=endpoint,
        token=mask_token_digest(token_digest),
        body_hash=hashed,
        timestamp=timestamp,
    )
