"""What banks have collected, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from payment_service.collections import queries
from payment_service.collections.rules import DaysTwice, Sum, find_days
from payment_service.collections.schemas import CollectedOut, CollectionsOut, SumOut
from payment_service.days import DaysBackward, DaysNeeded
from payment_service.dependencies import AskedDays
from payment_service.principals import Bookkeeper
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.problems import problems
from perisai_kit.http.types import Day, PartnerId

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("", responses=problems(DaysBackward, DaysNeeded, DaysTwice))
async def list_collections(
    session: ReplicaSession,
    _: Bookkeeper,
    days: AskedDays,
    on: Annotated[Day | None, Query(description="One business day; by default today.")] = None,
    partner_id: PartnerId | None = None,
) -> CollectionsOut:
    """Return how many payments each bank reported for each business day, and their sum.

    All money received counts, also what is in suspense, as in the ledger: the account
    `bank_collection` of the bank has the same sum on that day. At most 31 days.
    """
    asked = find_days(on, days, today=clock.today())
    found = await queries.list_collected(session, asked, partner_id=partner_id)
    total = Sum.of_all(each.sum for each in found)
    return CollectionsOut(
        business_from=asked.first,
        business_to=asked.last,
        items=[
            CollectedOut(
                business_on=each.business_on,
                partner_id=each.partner_id,
                partner_name=each.partner_name,
                count=each.sum.count,
                amount=each.sum.amount,
            )
            for each in found
        ],
        total=SumOut(count=total.count, amount=total.amount),
    )
