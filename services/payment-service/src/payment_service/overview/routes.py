"""The figures of a start page over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from payment_service.collections.rules import Sum
from payment_service.collections.schemas import SumOut
from payment_service.overview.schemas import PaymentsOverviewOut
from payment_service.overview.service import Overview
from payment_service.principals import Reader
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.answers.overviews import Overviews

router = APIRouter(prefix="/v1/overview/payments", tags=["payments"])


async def _overviews(request: Request) -> Overviews[Overview]:
    overviews: Overviews[Overview] = request.app.state.overviews
    return overviews


@router.get("", dependencies=[made_at("as_of")])
async def get_overview(
    principal: Reader, overviews: Annotated[Overviews[Overview], Depends(_overviews)]
) -> PaymentsOverviewOut:
    """Return the figures of the bills and payments that you may see.

    Of an office they may be half a minute old: `as_of` says.
    """
    found = await overviews.read(principal)
    return PaymentsOverviewOut(
        as_of=found.as_of,
        open_bills=_sum_out(found.open_bills),
        ended_bills=_sum_out(found.ended_bills),
        collected_today=_sum_out(found.collected_today),
        collected_this_month=_sum_out(found.collected_this_month),
        refused_open=found.refused_open,
        suspense=_sum_out(found.suspense) if found.suspense else None,
    )


def _sum_out(found: Sum) -> SumOut:
    return SumOut(count=found.count, amount=found.amount)
