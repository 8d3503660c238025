"""Errors of SNAP messages. They carry field names and never values."""

from enum import StrEnum


class SnapError(Exception):
    """Base class of the errors of this package."""


class KeyRefused(SnapError):
    """A key that cannot be read, is not RSA, or is too short."""


class SignatureMalformed(SnapError):
    """A signature that is neither hex nor base64 of the right length."""


class TimestampInvalid(SnapError):
    """A timestamp that is not ISO 8601 with an offset."""


class BodyInvalid(SnapError):
    """A body that is not one JSON object, or that repeats a key."""


class VirtualAccountMismatch(SnapError):
    """A virtualAccountNo that is not partnerServiceId followed by customerNo."""


class ProblemKind(StrEnum):
    MISSING = "missing"
    FORMAT = "format"


class FieldProblem(SnapError):
    """One field or header is missing or malformed.

    `field` is its SNAP name with dots: `paidAmount.value`, `X-EXTERNAL-ID`.
    """

    def __init__(self, kind: ProblemKind, field: str) -> None:
        super().__init__(f"{kind}: {field}")
        self.kind = kind
        self.field = field
