"""What can be wrong with a SNAP message; never carries a value, only names."""

from enum import StrEnum


class SnapError(Exception):
    """The base of every error this package raises on purpose."""


class KeyRefused(SnapError):
    """A key that cannot be read, is not RSA, or is too short."""


class SignatureMalformed(SnapError):
    """A signature text that is neither hex nor base64 of the right length."""


class TimestampInvalid(SnapError):
    """A timestamp that is not ISO 8601 with an offset."""


class BodyInvalid(SnapError):
    """A body that is not one JSON object, or that names a key twice."""


class VirtualAccountMismatch(SnapError):
    """A virtualAccountNo that is not partnerServiceId followed by customerNo."""


class ProblemKind(StrEnum):
    MISSING = "missing"
    FORMAT = "format"


class FieldProblem(SnapError):
    """One field or header is missing or badly formed.

    `field` is the name as SNAP writes it, dotted: `paidAmount.value`, `X-EXTERNAL-ID`.
    """

    def __init__(self, kind: ProblemKind, field: str) -> None:
        super().__init__(f"{kind}: {field}")
        self.kind = kind
        self.field = field
