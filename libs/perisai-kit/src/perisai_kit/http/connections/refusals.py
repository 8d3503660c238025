"""Answers of the server to invalid and to late requests."""

import json
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from perisai_kit.domain.errors import BadRequest, DomainError
from perisai_kit.domain.ids import new_id_text
from perisai_kit.http.problems import MEDIA_TYPE, STATUS, build_problem_body, get_status


class RequestMalformed(BadRequest):
    code = "request_malformed"
    text = "This is not a valid HTTP request."
    text_id = "Permintaan HTTP ini tidak valid."


class RequestTimedOut(DomainError):
    code = "request_timeout"
    text = "The request did not arrive in time. Send it again."
    text_id = "Permintaan tidak diterima lengkap tepat waktu. Kirim lagi."


class HeadTooLarge(DomainError):
    code = "headers_too_large"
    text = "The request headers are too large."
    text_id = "Header permintaan terlalu besar."


STATUS[RequestTimedOut] = 408
STATUS[HeadTooLarge] = 431


def build_refusal(error: DomainError, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a complete answer that ends the connection. headers: additional ones."""
    body = {**build_problem_body(error, language="en"), "request_id": new_id_text()}
    content = json.dumps(body).encode()
    head = [
        *headers,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"strict-transport-security", b"max-age=31536000"),
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%b: %b\r\n" % header for header in head)
    return STATUS_LINE[get_status(error)] + lines + b"\r\n" + content
