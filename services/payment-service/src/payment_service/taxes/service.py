"""Withhold income tax from what is paid, keep it on record, and say what is due to the state."""

from functools import cache
from importlib import resources

from payment_service.settings import Settings
from payment_service.taxes.rules import TaxBook, TaxPolicy
from payment_service.taxes.schemas import TaxTableDocument, book_of


@cache
def book() -> TaxBook:
    """Return the tables of the package, read and checked once; called when the service starts.

    Raises: TaxTableBroken or a validation error, which keep the service from starting.
    """
    folder = resources.files("payment_service.taxes") / "data"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return book_of([TaxTableDocument.model_validate_json(file.read_bytes()) for file in files])


def policy_of(settings: Settings) -> TaxPolicy:
    """Return what the operator has set where no source decides."""
    return TaxPolicy(
        through_wadah=settings.tax_agent_through_wadah,
        wadah_entity=settings.tax_wadah_entity,
        wadah_person=settings.tax_wadah_person,
        unknown_is_no_npwp=settings.tax_unknown_is_no_npwp,
        nik_serves=settings.tax_nik_serves,
        base_unit=settings.tax_base_unit,
    )
