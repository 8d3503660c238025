"""The history of bank partners: who did what, and when."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_history import queries, rules
from payment_service.bank_history.models import PartnerChange
from payment_service.bank_history.rules import PartnerChangeKind, Snapshot
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor


def record(
    session: AsyncSession,
    kind: PartnerChangeKind,
    *,
    before: Snapshot | None,
    after: Snapshot,
    by: UUID,
) -> None:
    """Write a change with its author, in the transaction that makes it.

    before: None where there was nothing to compare with.
    """
    was, is_now = rules.compare(before, after)
    row = PartnerChange(
        id=new_id(),
        partner_id=after.partner_id,
        at=clock.now(),
        change=kind,
        author_id=by,
        version=after.version,
        before=was,
        after=is_now,
    )
    queries.insert_change(session, row)


async def list_page(
    session: AsyncSession, *, partner_id: UUID, cursor: str | None, limit: int
) -> Slice[PartnerChange]:
    """Return one page of a partner's changes, newest first. Raises: CursorInvalid."""
    before = read_cursor(cursor, UUID)
    rows = await queries.list_changes(session, partner_id, before=before, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id)
