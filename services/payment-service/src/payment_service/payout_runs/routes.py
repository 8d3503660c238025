"""Runs of payouts over HTTP: propose, decide, release, and see how far they are."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.payees.rules import PayeeKind
from payment_service.payout_accounts.rules import (
    PayoutAccountNotActive,
    PayoutAccountNotFound,
    PayoutsStopped,
)
from payment_service.payout_runs import service
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import (
    OmissionReason,
    OwnPayoutRun,
    PayoutMonthOpen,
    PayoutMonthUnproven,
    PayoutRunEmpty,
    PayoutRunNotFound,
    PayoutRunStatusConflict,
    RunStatus,
    TaxDueChanged,
)
from payment_service.payout_runs.schemas import (
    NewPayoutRun,
    PayoutOmissionOut,
    PayoutRunDecision,
    PayoutRunDetailOut,
    PayoutRunFiguresOut,
    PayoutRunOut,
    PayoutRunProgressOut,
)
from payment_service.payout_runs.service import RunSeen
from payment_service.principals import Bookkeeper, Treasurer
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read

PREFIX = "/v1/payout-runs"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

RunId = Annotated[UUID, Path(description="Id of a payout run.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutMonthOpen,
        PayoutMonthUnproven,
        PayoutsStopped,
        PayoutAccountNotFound,
        PayoutAccountNotActive,
    ),
)
async def propose_payout_run(
    new: NewPayoutRun, session: Session, officer: Treasurer
) -> PayoutRunOut:
    """Propose to pay all that is owed through a closed month and was not paid yet.

    The worker prepares it: each payee gets one payout, less income tax. Another person decides.
    """
    run = await service.propose(
        session,
        through_month=new.through_month,
        payout_account_id=new.payout_account_id,
        by=officer.account_id,
    )
    return _run_out(run)


@reading.get("")
async def list_payout_runs(
    session: ReadSession,
    _: Bookkeeper,
    status: Annotated[RunStatus | None, Query(description="Only those of this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutRunOut]:
    """List runs, the latest first."""
    found = await service.list_runs(session, status=status, cursor=cursor, limit=limit)
    return found.page(_run_out)


@reading.get("/{run_id}", responses=problems(PayoutRunNotFound))
async def get_payout_run(run_id: RunId, session: ReadSession, _: Bookkeeper) -> PayoutRunDetailOut:
    """Return a run, and what has become of its payouts."""
    return _detail_out(await service.get(session, run_id))


@reading.get("/{run_id}/omissions", responses=problems(PayoutRunNotFound))
async def list_payout_omissions(
    run_id: RunId,
    session: ReadSession,
    _: Bookkeeper,
    reason: Annotated[OmissionReason | None, Query(description="Only for this reason.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutOmissionOut]:
    """List what a run leaves out, by payee."""
    found = await service.list_omissions(session, run_id, reason=reason, cursor=cursor, limit=limit)
    audit_read([each.payee_id for each in found.items if each.payee_kind is PayeeKind.AGENT])
    return found.page(PayoutOmissionOut.model_validate)


@writing.post(
    "/{run_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutRunNotFound,
        PayoutRunStatusConflict,
        OwnPayoutRun,
        PayoutRunEmpty,
        PayoutMonthUnproven,
        TaxDueChanged,
    ),
)
async def decide_payout_run(
    run_id: RunId, decision: PayoutRunDecision, session: Session, officer: Treasurer
) -> PayoutRunDetailOut:
    """Approve or reject a run that somebody else proposed; your own you can only reject.

    Also an approved run can be rejected, until it is released. Another run may pay it then.
    """
    run = await service.decide(session, run_id, verdict=decision.verdict, by=officer.account_id)
    return _detail_out(await service.see(session, run))


@writing.post(
    "/{run_id}/release",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutRunNotFound,
        PayoutRunStatusConflict,
        OwnPayoutRun,
        PayoutsStopped,
        PayoutAccountNotActive,
        PayoutMonthUnproven,
        TaxDueChanged,
    ),
)
async def release_payout_run(
    run_id: RunId, session: Session, officer: Treasurer
) -> PayoutRunDetailOut:
    """Let an approved run be sent; not by the person who proposed it.

    Each payout is checked once more: what is held meanwhile, or whose bank account was changed, is
    withdrawn and shown in `progress`. So is a remittance of which less tax is due by then.
    """
    run = await service.release(session, run_id, by=officer.account_id)
    return _detail_out(await service.see(session, run))


def _run_out(run: PayoutRun) -> PayoutRunOut:
    return PayoutRunOut(**_stored(run))


def _detail_out(seen: RunSeen) -> PayoutRunDetailOut:
    progress = [PayoutRunProgressOut.model_validate(each) for each in seen.progress]
    return PayoutRunDetailOut(**_stored(seen.run), progress=progress)


def _stored(run: PayoutRun) -> dict[str, object]:
    stored = {name: getattr(run, name) for name in PayoutRunOut.model_fields}
    figures = run.figures
    stored["figures"] = PayoutRunFiguresOut.model_validate(figures) if figures else None
    return stored


router = APIRouter(tags=["payout runs"])
for each in (reading, writing):
    router.include_router(each)
