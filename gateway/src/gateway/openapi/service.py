"""The OpenAPI document of the platform, a file that is generated when the platform is set up.

It is a file of this package, because the gateway does not import the services.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FILE_NAME = "openapi.json"


@dataclass(frozen=True, slots=True)
class Published:
    """The document, compressed once, and its ETag."""

    content: bytes
    compressed: bytes
    etag: str


@cache
def published() -> Published | None:
    """Return the document; None if it was not generated yet."""
    file = files("gateway.openapi").joinpath(FILE_NAME)
    if not file.is_file():
        return None
    content = file.read_bytes()
    compressed = gzip.compress(content, mtime=0)
    return Published(content, compressed, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
