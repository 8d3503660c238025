"""Payouts over HTTP: lists, one with all that happened to it, another attempt, and one's own."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.counting.schemas import OwnKind
from payment_service.dependencies import WholeDatabase
from payment_service.payout_lists import service
from payment_service.payout_lists.schemas import (
    OwnPayoutOut,
    OwnPayoutPartOut,
    PayoutDetailOut,
    PayoutItemOut,
    PayoutOut,
    PayoutTransferChangeOut,
    PayoutTransferOut,
)
from payment_service.payout_lists.service import OwnPart, OwnPayout, PayoutSeen
from payment_service.payout_releases import service as payout_releases
from payment_service.payout_runs.rules import PayoutMonthUnproven, PayoutRunNotFound
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import (
    PayoutAccountReplaced,
    PayoutNotFailed,
    PayoutNotFound,
    PayoutOutdated,
    PayoutStatus,
    PayoutWithdrawn,
)
from payment_service.principals import Bookkeeper, Earner, Treasurer
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.masks import mask_account
from perisai_kit.services.names.agents import Agents

PREFIX = "/v1/payouts"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)
of_runs = APIRouter(prefix="/v1/payout-runs", route_class=ReadRoute)
own = APIRouter(prefix="/v1/me/payouts", route_class=ReadRoute)

WadahAdmin = Annotated[Principal, Depends(require(Role.WADAH_ADMIN))]
RunId = Annotated[UUID, Path(description="Id of a payout run.")]
PayoutId = Annotated[UUID, Path(description="Id of a payout.")]
PayoutStatusWanted = Annotated[
    PayoutStatus | None, Query(description="Only payouts of this status.")
]


@reading.get("")
async def list_payouts(
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    status: PayoutStatusWanted = None,
    payee_id: Annotated[UUID | None, Query(description="Only of this payee.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutOut]:
    """List payouts, the latest first."""
    async with database.read() as session:
        found = await service.list_payouts(
            session, status=status, payee_id=payee_id, cursor=cursor, limit=limit
        )
    names = await service.find_names(agents, found.items)
    return found.page(lambda row: _payout_out(row, names))


@reading.get("/{payout_id}", responses=problems(PayoutNotFound))
async def get_payout(
    payout_id: PayoutId, database: WholeDatabase, _: Bookkeeper, agents: Agents
) -> PayoutDetailOut:
    """Return a payout with its statements, its attempts, and every change of them."""
    async with database.read() as session:
        seen = await service.get(session, payout_id)
    names = await service.find_names(agents, [seen.payout])
    return _detail_out(seen, names)


@of_runs.get("/{run_id}/payouts", responses=problems(PayoutRunNotFound))
async def list_run_payouts(
    run_id: RunId,
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    status: PayoutStatusWanted = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutOut]:
    """List the payouts of a run, the latest first."""
    async with database.read() as session:
        found = await service.list_of_run(
            session, run_id, status=status, cursor=cursor, limit=limit
        )
    names = await service.find_names(agents, found.items)
    return found.page(lambda row: _payout_out(row, names))


@writing.post(
    "/{payout_id}/retry",
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutNotFound,
        PayoutWithdrawn,
        PayoutNotFailed,
        PayoutAccountReplaced,
        PayoutOutdated,
        PayoutMonthUnproven,
    ),
)
async def retry_payout(
    payout_id: PayoutId, session: Session, officer: Treasurer
) -> PayoutDetailOut:
    """Try a failed payout again, under new references. What the bank may have executed is not."""
    await payout_releases.retry(session, payout_id, by=officer.account_id)
    return _detail_out(await service.get(session, payout_id), {})


@writing.post(
    "/{payout_id}/withdrawal",
    openapi_extra=IDEMPOTENT,
    responses=problems(PayoutNotFound, PayoutWithdrawn, PayoutNotFailed),
)
async def withdraw_payout(
    payout_id: PayoutId, session: Session, officer: Treasurer
) -> PayoutDetailOut:
    """Give a payout up that failed or was not sent yet.

    A later run pays its statements to the account of then.
    """
    await payouts.give_up(session, payout_id, by=officer.account_id)
    return _detail_out(await service.get(session, payout_id), {})


@own.get("", responses=problems(BeneficiaryNotFound))
async def list_own_payouts(
    session: ReadSession,
    payee: Earner,
    wanted: OwnKind = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[OwnPayoutOut]:
    """List what you were paid or are about to be, the latest first.

    An agent also sees what their wadah is paid for them.
    """
    found = await service.list_own(session, payee, wanted, cursor=cursor, limit=limit)
    return found.page(_own_out)


@own.get("/{payout_id}/parts", responses=problems(PayoutNotFound))
async def list_parts_of_own_payout(
    payout_id: PayoutId,
    database: WholeDatabase,
    wadah: WadahAdmin,
    agents: Agents,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[OwnPayoutPartOut]:
    """List what your wadah is paid for each of its agents in a payout, by agent.

    The rest of the payout is the wadah's own incentive.
    """
    async with database.read() as session:
        found = await service.list_own_parts(session, wadah, payout_id, cursor=cursor, limit=limit)
    names = await agents.find_names([each.sums.agent_id for each in found.items])
    return found.page(lambda row: _part_out(row, names))


def _part_out(part: OwnPart, names: Mapping[UUID, str]) -> OwnPayoutPartOut:
    sums = part.sums
    return OwnPayoutPartOut(
        agent_id=sums.agent_id,
        agent_name=names.get(sums.agent_id),
        month=sums.month,
        statement_count=sums.statement_count,
        set_off=sums.set_off,
        gross=sums.gross,
        tax=sums.tax,
        amount=sums.gross - sums.tax,
        is_received=part.is_received,
    )


def _payout_out(payout: Payout, names: Mapping[UUID, str]) -> PayoutOut:
    """Return a payout as lists show it, its account masked."""
    return PayoutOut(**_stored(payout, names))


def _detail_out(seen: PayoutSeen, names: Mapping[UUID, str]) -> PayoutDetailOut:
    return PayoutDetailOut(
        **_stored(seen.payout, names),
        items=[PayoutItemOut.model_validate(each) for each in seen.items],
        transfers=[PayoutTransferOut.model_validate(each) for each in seen.transfers],
        history=[PayoutTransferChangeOut.model_validate(each) for each in seen.changes],
    )


def _stored(payout: Payout, names: Mapping[UUID, str]) -> dict[str, object]:
    shown = {
        "payee_name": names.get(payout.payee_id),
        "account_no": mask_account(payout.account_no),
    }
    stored = {name: getattr(payout, name) for name in PayoutOut.model_fields if name not in shown}
    return {**stored, **shown}


def _own_out(seen: OwnPayout) -> OwnPayoutOut:
    payout, sums = seen.payout, seen.sums
    return OwnPayoutOut(
        id=payout.id,
        paid_to=payout.payee_kind,
        month=payout.month,
        statement_count=sums.statement_count,
        set_off=sums.set_off,
        gross=sums.gross,
        tax=sums.tax,
        amount=sums.gross - sums.tax,
        status=payout.status,
        created_at=payout.created_at,
        settled_at=payout.settled_at,
        paid_on=seen.paid_on,
        is_received=seen.is_received,
    )


router = APIRouter(tags=["payouts"])
for each in (reading, writing, of_runs, own):
    router.include_router(each)
