"""Static files, compressed once and with an ETag."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Self

from fastapi import Request, Response

from perisai_kit.http.answers.compression import MINIMUM_SIZE, accepts_gzip


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """The answer to a GET of one file. `NotModified` adds the 304."""

    content: bytes
    compressed: bytes | None
    media_type: str
    headers: dict[str, str]

    @classmethod
    def of(cls, content: bytes, media_type: str, **headers: str) -> Self:
        """headers: additional ones, such as `Vary`, with `_` for `-`."""
        more = {name.replace("_", "-"): text for name, text in headers.items()}
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        compressed = gzip.compress(content, 6, mtime=0) if len(content) >= MINIMUM_SIZE else b""
        return cls(
            content,
            compressed if 0 < len(compressed) < len(content) else None,
            media_type,
            {"ETag": etag, "Cache-Control": "no-cache", **more},
        )

    def answer(self, request: Request) -> Response:
        """Return the answer, compressed if the client accepts it."""
        if self.compressed is None or not accepts_gzip(request.headers):
            return Response(self.content, headers=self.headers, media_type=self.media_type)
        headers = {**self.headers, "Content-Encoding": "gzip"}
        headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
        return Response(self.compressed, headers=headers, media_type=self.media_type)
