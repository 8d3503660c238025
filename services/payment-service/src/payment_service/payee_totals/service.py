"""What each payee gets of a closed month: sums of statements that the subject may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.payee_totals import queries, rules
from payment_service.payee_totals.queries import PayeeTotal
from payment_service.payees import service as payees
from payment_service.payees.rules import Payee, PayeeKind
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class Breakdown:
    """payees: who is paid for each of the statements, by their ids."""

    total: PayeeTotal
    statements: Slice[Statement]
    payees: Mapping[UUID, Payee]


async def list_totals(
    session: AsyncSession,
    principal: Principal,
    month: Month,
    *,
    cursor: str | None,
    limit: int,
) -> Slice[PayeeTotal]:
    """Return one page of the payees of a month, with what each gets.

    Raises: CursorInvalid.
    """
    rows = await queries.list_totals(
        session,
        await payees.make_payables(session, Statement),
        visible_earnings(principal, Statement),
        month=month,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    audit_read(each.id for each in page.items if each.kind is PayeeKind.AGENT)
    return page


async def break_down(
    session: AsyncSession,
    principal: Principal,
    month: Month,
    payee_id: UUID,
    *,
    cursor: str | None,
    limit: int,
) -> Breakdown:
    """Return what one payee gets of a month, and one page of the statements it adds up.

    Raises: PayeeNotFound, CursorInvalid.
    """
    payables = await payees.make_payables(session, Statement)
    visible = visible_earnings(principal, Statement)
    total = await queries.find_total(session, payables, visible, month=month, payee_id=payee_id)
    if total is None:
        raise rules.PayeeNotFound
    rows = await queries.list_statements(
        session,
        payables,
        visible,
        month=month,
        payee_id=payee_id,
        after=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.beneficiary_id)
    audit_read(
        each.beneficiary_id for each in page.items if each.beneficiary_kind is BeneficiaryKind.AGENT
    )
    found = await payees.find_payees(session, Statement, [each.id for each in page.items])
    return Breakdown(total, page, found)
