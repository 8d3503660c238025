"""Dependencies of routes besides the session."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from payment_service.days import Days, DaysBackward
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.http.types import MONTH_PATTERN, Day


async def _database(request: Request) -> Database:
    database: Database = request.app.state.kit.database
    return database


async def _days(
    business_from: Annotated[
        Day | None, Query(description="First business day (Jakarta day of the payment).")
    ] = None,
    business_to: Annotated[
        Day | None, Query(description="Last business day; the same as the first for one day.")
    ] = None,
) -> Days:
    if business_from is not None and business_to is not None and business_from > business_to:
        raise DaysBackward(field="business_from")
    return Days(business_from, business_to)


async def _named_month(
    month: Annotated[
        str, Path(pattern=MONTH_PATTERN, examples=["2026-11"], description="The month.")
    ],
) -> Month:
    return Month.parse(month)


async def _wanted_month(
    month: Annotated[
        str | None,
        Query(pattern=MONTH_PATTERN, examples=["2026-11"], description="Only this month."),
    ] = None,
) -> Month | None:
    return None if month is None else Month.parse(month)


async def _month_in_query(
    month: Annotated[
        str, Query(pattern=MONTH_PATTERN, examples=["2026-11"], description="The month.")
    ],
) -> Month:
    return Month.parse(month)


MonthInPath = Annotated[Month, Depends(_named_month)]
MonthInQuery = Annotated[Month, Depends(_month_in_query)]
WantedMonth = Annotated[Month | None, Depends(_wanted_month)]
WholeDatabase = Annotated[Database, Depends(_database)]
"""For a route that calls another service after its transaction, or that streams."""
AskedDays = Annotated[Days, Depends(_days)]
"""Raises: DaysBackward."""
