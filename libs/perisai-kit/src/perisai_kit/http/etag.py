"""ETags that are versions: `"3"`, and what If-Match says about them."""

import re

# A proxy that compresses an answer weakens its ETag (`W/"3"`), or puts the encoding into it
# (`"3-gzip"`), and the client sends back what it saw. The version is the same in any form.
_WRITTEN = re.compile(r'(?:W/)?"([0-9]{1,18})(?:[-;](?:gzip|br|zstd|deflate))?"')


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def allows(if_match: str, version: int) -> bool:
    """Tell whether an If-Match header names this version, or `*` for any."""
    if if_match.strip() == "*":
        return True
    # An ETag of another form is one we never gave out, so nothing matches it.
    found = (_WRITTEN.fullmatch(part.strip()) for part in if_match.split(","))
    return any(int(each[1]) == version for each in found if each)
