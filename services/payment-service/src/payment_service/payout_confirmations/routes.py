"""Agents confirm over HTTP what a wadah was paid for them; officers see who did not receive it."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from payment_service.dependencies import WholeDatabase
from payment_service.payout_confirmations import service
from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payout_confirmations.queries import MissingConfirmation
from payment_service.payout_confirmations.rules import PayoutNotPaidToWadah
from payment_service.payout_confirmations.schemas import (
    ListedPayoutConfirmationOut,
    MissingPayoutConfirmationOut,
    NewPayoutConfirmation,
    PayoutConfirmationOut,
)
from payment_service.payouts.rules import PayoutNotFound
from payment_service.principals import Bookkeeper
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import Day
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents

confirming = APIRouter(prefix="/v1/payouts", route_class=TransactionRoute)
reading = APIRouter(prefix="/v1/payout-confirmations", route_class=ReadRoute)

Agent = Annotated[Principal, Depends(require(Role.AGENT))]


@confirming.post(
    "/{payout_id}/confirmation",
    openapi_extra=IDEMPOTENT,
    responses=problems(PayoutNotFound, PayoutNotPaidToWadah),
)
async def confirm_payout(
    payout_id: Annotated[UUID, Path(description="Id of a payout to your wadah.")],
    new: NewPayoutConfirmation,
    session: Session,
    agent: Agent,
) -> PayoutConfirmationOut:
    """Say whether you received what your wadah was paid for you. You may correct it later."""
    confirmation = await service.confirm(
        session,
        payout_id,
        agent_id=agent.agent_id,
        is_received=new.is_received,
        by=agent.account_id,
    )
    return PayoutConfirmationOut.model_validate(confirmation)


@reading.get("")
async def list_payout_confirmations(
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    is_received: Annotated[bool | None, Query(description="Only these answers.")] = None,
    payout_id: Annotated[UUID | None, Query(description="Only of this payout.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ListedPayoutConfirmationOut]:
    """List what agents said last of payouts to their wadah, the latest first.

    Agents who said nothing are in `GET /v1/payout-confirmations/missing`.
    """
    async with database.read() as session:
        found = await service.list_confirmations(
            session, is_received=is_received, payout_id=payout_id, cursor=cursor, limit=limit
        )
    names = await agents.find_names([each.agent_id for each in found.items])
    return found.page(lambda row: _confirmation_out(row, names))


@reading.get("/missing")
async def list_missing_payout_confirmations(
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    payout_id: Annotated[UUID | None, Query(description="Only of this payout.")] = None,
    wadah_id: Annotated[UUID | None, Query(description="Only of payouts to this wadah.")] = None,
    settled_before: Annotated[
        Day | None, Query(description="Only what the wadah was paid before this day.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[MissingPayoutConfirmationOut]:
    """List what wadahs were paid for agents who have not said whether they received it.

    The earliest payment first. What the bank returned is left out: agents are not asked any more.
    """
    async with database.read() as session:
        found = await service.list_missing(
            session,
            payout_id=payout_id,
            wadah_id=wadah_id,
            settled_before=settled_before,
            cursor=cursor,
            limit=limit,
        )
    names = {
        **await agents.find_names([each.agent_id for each in found.items]),
        **await agents.find_wadah_names([each.wadah_id for each in found.items]),
    }
    return found.page(lambda row: _missing_out(row, names))


def _confirmation_out(
    row: PayoutConfirmation, names: Mapping[UUID, str]
) -> ListedPayoutConfirmationOut:
    return ListedPayoutConfirmationOut(
        **PayoutConfirmationOut.model_validate(row).model_dump(),
        agent_name=names.get(row.agent_id),
    )


def _missing_out(
    row: MissingConfirmation, names: Mapping[UUID, str]
) -> MissingPayoutConfirmationOut:
    return MissingPayoutConfirmationOut(
        payout_id=row.payout_id,
        agent_id=row.agent_id,
        agent_name=names.get(row.agent_id),
        wadah_id=row.wadah_id,
        wadah_name=names.get(row.wadah_id),
        month=row.month,
        amount=row.amount,
        settled_at=row.settled_at,
    )


router = APIRouter(tags=["payouts"])
for each in (confirming, reading):
    router.include_router(each)
