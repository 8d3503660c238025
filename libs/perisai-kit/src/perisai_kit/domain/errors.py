"""The kinds of errors that a client can cause.

DomainError                code, text (English), text_id (Indonesian), details
├── BadRequest             the request itself is malformed
├── Invalid                the content is not valid
├── Unauthenticated        nobody is signed in
├── Forbidden              signed in, but not allowed
├── NotFound               it does not exist, or the principal may not see it
├── Conflict               valid, but not in the present state
├── PreconditionFailed     it was changed meanwhile
├── PreconditionRequired   If-Match is missing
├── TooLarge               the body exceeds the limit of the route
├── TooMany                try again later
└── Unavailable            something that is needed does not answer

A feature declares its subclasses beside its rules. Only http/problems.py knows status numbers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar


class DomainError(Exception):
    """The base. A subclass sets `code` (a contract, never renamed), `text` and `text_id`.

    message: more detail than `text`, in English and without personal data. field: the dotted place
    in the request body, such as `rows.3.nik`. header: its name, if one is wrong instead.
    details: plain values for a program to read; no personal data.
    """

    code: ClassVar[str] = "error"
    text: ClassVar[str] = "The request could not be carried out."
    text_id: ClassVar[str] = "Permintaan tidak dapat dijalankan."

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        header: str | None = None,
        **details: object,
    ) -> None:
        super().__init__(message or self.text)
        self.message = message
        self.field = field
        self.header = header
        self.details = details
        self.others: Sequence[DomainError] = ()
        """Errors of other fields of the same request: see `together`."""


def together(errors: Sequence[DomainError]) -> DomainError:
    """Return the first of these errors; its answer names the fields of the others too."""
    first, *others = list_errors(errors)
    first.others = others
    return first


def list_errors(errors: Sequence[DomainError]) -> list[DomainError]:
    """Return these errors and those that they name besides."""
    return [each for error in errors for each in (error, *error.others)]


def at_fields(kind: type[DomainError], *fields: str) -> DomainError:
    """Return an error that names each of these fields: at least one, as in `DomainError`."""
    return together([kind(field=each) for each in fields])


def check_one_given(refusal: type[DomainError], **fields: object) -> None:
    """Refuse unless one of these fields is given and the others are None.

    The error names those to choose from: all if none is given, else those that are.
    """
    given = [name for name, value in fields.items() if value is not None]
    if len(given) != 1:
        raise at_fields(refusal, *(given or fields))


@contextmanager
def because_of(field: str) -> Iterator[None]:
    """Let an error that names no field name this one."""
    try:
        yield
    except DomainError as error:
        error.field = error.field or field
        raise


class BadRequest(DomainError):
    code = "bad_request"
    text = "The request is malformed."
    text_id = "Bentuk permintaan salah."


class UnsupportedMedia(DomainError):
    code = "media_unsupported"
    text = "Send JSON, with the header Content-Type: application/json."
    text_id = "Kirim JSON dengan header Content-Type: application/json."


class Invalid(DomainError):
    code = "invalid"
    text = "Some fields are not valid. Correct them and send the request again."
    text_id = "Ada isian yang belum benar. Perbaiki, lalu kirim lagi."


class Unauthenticated(DomainError):
    code = "unauthenticated"
    text = "Sign in first."
    text_id = "Silakan masuk terlebih dahulu."


class Forbidden(DomainError):
    code = "forbidden"
    text = "You are not allowed to do this."
    text_id = "Anda tidak berwenang melakukan ini."


class NotFound(DomainError):
    code = "not_found"
    text = "It does not exist, or you may not see it."
    text_id = "Data tidak ditemukan, atau Anda tidak berwenang melihatnya."


class Conflict(DomainError):
    code = "conflict"
    text = "This is not possible in the present state. Read the data again."
    text_id = "Tindakan ini tidak dapat dilakukan pada keadaan saat ini. Muat ulang datanya."


class PreconditionFailed(DomainError):
    code = "precondition_failed"
    text = "The data was changed in the meantime. Read it again and repeat your change."
    text_id = "Data sudah diubah pihak lain. Muat ulang, lalu ulangi perubahan Anda."


class PreconditionRequired(DomainError):
    code = "precondition_required"
    text = "Send If-Match with the ETag of the version that you read."
    text_id = "Kirim If-Match dengan ETag dari versi yang Anda baca."


class TooLarge(DomainError):
    code = "too_large"
    text = "The request body is too large."
    text_id = "Isi permintaan terlalu besar."


class _RetryLater(DomainError):
    """What is refused for now. retry_after_s: whole seconds until the next attempt."""

    retry_after_s: int

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        header: str | None = None,
        retry_after_s: int | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, field=field, header=header, **details)
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class TooMany(_RetryLater):
    code = "too_many"
    text = "Too many requests. Try again later."
    text_id = "Terlalu banyak permintaan. Coba lagi nanti."
    retry_after_s = 1


class Unavailable(_RetryLater):
    code = "unavailable"
    text = "A service is not available. Try again later."
    text_id = "Layanan sedang tidak tersedia. Coba lagi nanti."
    retry_after_s = 5
