"""Withheld tax is passed on to the state over HTTP; the run is decided as any other."""

from fastapi import APIRouter

from payment_service.dependencies import WantedMonth
from payment_service.payout_accounts.rules import (
    PayoutAccountNotActive,
    PayoutAccountNotFound,
    PayoutsStopped,
)
from payment_service.principals import Bookkeeper, Treasurer
from payment_service.settings import Config
from payment_service.tax_remittances import service
from payment_service.tax_remittances.rules import (
    NoTaxDue,
    TaxMonthOpen,
    TaxOverTransferMax,
    TaxRemittanceOpen,
    TreasuryAccountMissing,
)
from payment_service.tax_remittances.schemas import NewTaxRemittance, TaxRemittanceOut
from payment_service.tax_remittances.service import Remitted
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute

router = APIRouter(
    prefix="/v1/tax-remittances", tags=["tax remittances"], route_class=TransactionRoute
)


@router.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        TaxMonthOpen,
        TreasuryAccountMissing,
        NoTaxDue,
        TaxOverTransferMax,
        TaxRemittanceOpen,
        PayoutsStopped,
        PayoutAccountNotFound,
        PayoutAccountNotActive,
    ),
)
async def propose_tax_remittance(
    new: NewTaxRemittance, session: Session, officer: Treasurer, config: Config
) -> TaxRemittanceOut:
    """Propose to pay what is due of a tax for the payments of a month.

    It makes a run with one payout, which another person approves: see payout runs.
    """
    proposed = await service.propose(
        session,
        kind=new.tax_kind,
        month=new.month,
        billing_code=new.billing_code,
        payout_account_id=new.payout_account_id,
        by=officer.account_id,
        settings=config,
    )
    return _remittance_out(proposed)


@router.get("")
async def list_tax_remittances(
    session: ReadSession,
    _: Bookkeeper,
    month: WantedMonth,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TaxRemittanceOut]:
    """List payouts of withheld tax to the state, the latest first."""
    found = await service.list_remittances(session, month=month, cursor=cursor, limit=limit)
    return found.page(_remittance_out)


def _remittance_out(each: Remitted) -> TaxRemittanceOut:
    remittance, payout = each.remittance, each.payout
    return TaxRemittanceOut(
        payout_id=payout.id,
        run_id=payout.run_id,
        tax_kind=remittance.tax_kind,
        month=remittance.month,
        amount=remittance.amount,
        billing_code=remittance.billing_code,
        status=payout.status,
        created_at=payout.created_at,
        settled_at=payout.settled_at,
        withdrawn_at=payout.withdrawn_at,
        withdrawn_reason=payout.withdrawn_reason,
    )
