"""Pass withheld tax on to the state, by a run of its own with the same approvals."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunKind
from payment_service.payouts.models import Payout, PayoutRemittance
from payment_service.payouts.rules import PayoutPayee, PayoutStatus
from payment_service.settings import Settings
from payment_service.tax_remittances import queries, rules
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class Remitted:
    """A remittance with its payout."""

    remittance: PayoutRemittance
    payout: Payout


async def propose(
    session: AsyncSession,
    *,
    kind: TaxKind,
    month: Month,
    billing_code: str,
    payout_account_id: UUID,
    by: UUID,
    settings: Settings,
) -> Remitted:
    """Propose to pay what is due of a tax for the payments of a month; another person decides.

    billing_code: of the tax authority, for exactly this sum.
    Raises: TaxMonthOpen, TreasuryAccountMissing, NoTaxDue, TaxOverTransferMax, TaxRemittanceOpen,
    PayoutsStopped, PayoutAccountNotFound, PayoutAccountNotActive.
    """
    rules.check_month(month, present=Month.of(clock.today()))
    if not (settings.treasury_bank_code and settings.treasury_account_no):
        raise rules.TreasuryAccountMissing
    await payout_accounts.check_sending(session, payout_account_id)
    account = await payout_accounts.get(session, payout_account_id)
    amount = await taxes.find_due(session, kind, month)
    rules.check_amount(amount, transfer_max=account.transfer_max)
    run = runs.make_run(RunKind.TAX, month, payout_account_id, by=by)
    session.add(run)
    await session.flush()
    payout = Payout(run_id=run.id, **_payout_values(month, payout_account_id, amount, settings))
    session.add(payout)
    await session.flush()
    remittance = await queries.insert_once_remittance(
        session,
        PayoutRemittance(
            payout_id=payout.id,
            tax_kind=kind,
            month=month,
            amount=amount,
            billing_code=billing_code,
            is_open=True,
        ),
    )
    if remittance is None:
        raise rules.TaxRemittanceOpen
    await runs.finish_preparation(session, run)
    return Remitted(remittance, payout)


async def list_remittances(
    session: AsyncSession, *, month: Month | None, cursor: str | None, limit: int
) -> Slice[Remitted]:
    """Return remittances, the latest first. Raises: CursorInvalid."""
    rows = await queries.list_remittances(
        session, month=month, before_id=read_cursor(cursor, UUID), limit=limit + 1
    )
    return cut_page([Remitted(*row) for row in rows], limit, key=lambda each: each.payout.id)


def _payout_values(
    month: Month, payout_account_id: UUID, amount: int, settings: Settings
) -> dict[str, Any]:
    payout_id = new_id()
    return {
        "id": payout_id,
        "payout_account_id": payout_account_id,
        "payee_kind": PayoutPayee.TREASURY,
        "payee_id": payout_id,
        "month": month,
        "gross": amount,
        "tax": 0,
        "amount": amount,
        "bank_code": settings.treasury_bank_code,
        "account_no": settings.treasury_account_no,
        "holder_name": settings.treasury_holder_name,
        "status": PayoutStatus.CREATED,
        "created_at": clock.now(),
    }
