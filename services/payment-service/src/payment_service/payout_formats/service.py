"""Formats of payout files, from the documents shipped in the package."""

from functools import cache
from importlib import resources

from payment_service.payout_formats.rules import FileFormat, PayoutFormatUnknown
from payment_service.payout_formats.schemas import FormatDocument


@cache
def book() -> dict[str, FileFormat]:
    """Return the formats by name, read and checked once; called when the service starts.

    Raises: a validation error, which keeps the service from starting.
    """
    folder = resources.files("payment_service.payout_formats") / "data"
    found = [FormatDocument.model_validate_json(file.read_bytes()) for file in folder.iterdir()]
    return {each.name: each.value() for each in found}


def get(name: str) -> FileFormat:
    """Return a format. Raises: PayoutFormatUnknown."""
    found = book().get(name)
    if found is None:
        raise PayoutFormatUnknown(field="file_format")
    return found
