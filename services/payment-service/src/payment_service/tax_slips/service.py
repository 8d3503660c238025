"""Read what slips and recaps of withheld tax say."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.tax_slips import queries, rules
from payment_service.tax_slips.queries import Slip
from payment_service.tax_slips.rules import TaxRecap
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read

EXPORTED_AT_ONCE = 1_000
"""Rows of an export that are in memory together."""


async def list_slips(
    session: AsyncSession,
    *,
    month: Month | None,
    beneficiary_id: UUID | None = None,
    cursor: str | None,
    limit: int,
) -> Slice[Slip]:
    """Return slips in the order of their record. Raises: CursorInvalid."""
    rows = await queries.list_slips(
        session,
        month=month,
        beneficiary_id=beneficiary_id,
        after_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda slip: slip.withholding.id)
    _audit(*page.items)
    return page


async def get_slip(session: AsyncSession, slip_id: UUID) -> Slip:
    """Return a slip. Raises: TaxSlipNotFound."""
    found = await queries.find_slip(session, slip_id)
    if found is None:
        raise rules.TaxSlipNotFound
    _audit(found)
    return found


async def export_slips(
    session: AsyncSession, month: Month, *, batch: int = EXPORTED_AT_ONCE
) -> AsyncIterator[Slip]:
    """Yield all slips of a month, in the order of their record."""
    after_id = None
    while True:  # ends with the last slip of the month
        found = await queries.list_slips(session, month=month, after_id=after_id, limit=batch)
        for each in found:
            yield each
        if len(found) < batch:
            return
        after_id = found[-1].withholding.id
        session.expunge_all()


async def list_recaps(
    session: AsyncSession,
    year: int,
    *,
    cursor: str | None,
    limit: int,
) -> Slice[TaxRecap]:
    """Return the recaps of a year, by taxpayer. Raises: CursorInvalid."""
    rows = await queries.list_recaps(
        session, year, after=read_cursor(cursor, UUID), limit=limit + 1
    )
    page = cut_page(rows, limit, key=lambda recap: recap.beneficiary_id)
    audit_read(
        each.beneficiary_id for each in page.items if each.beneficiary_kind is BeneficiaryKind.AGENT
    )
    return page


async def export_recaps(
    session: AsyncSession, year: int, *, batch: int = EXPORTED_AT_ONCE
) -> AsyncIterator[TaxRecap]:
    """Yield all recaps of a year, by taxpayer."""
    after = None
    while True:  # ends with the last taxpayer of the year
        found = await queries.list_recaps(session, year, after=after, limit=batch)
        for each in found:
            yield each
        if len(found) < batch:
            return
        after = found[-1].beneficiary_id


async def get_recap(
    session: AsyncSession, year: int, kind: BeneficiaryKind, beneficiary_id: UUID
) -> TaxRecap:
    """Return the recap of one taxpayer, without sums if nothing was paid to them in the year."""
    found = await queries.list_recaps(session, year, beneficiary_id=beneficiary_id, limit=1)
    return found[0] if found else TaxRecap(year, kind, beneficiary_id, ())


def _audit(*slips: Slip) -> None:
    rows = (slip.withholding for slip in slips)
    audit_read(
        each.beneficiary_id for each in rows if each.beneficiary_kind is BeneficiaryKind.AGENT
    )
