"""The books, for those who answer for the money."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from payment_service.banks import service as banks
from payment_service.ledger import service
from payment_service.ledger.rules import (
    AccountInvalid,
    Cause,
    CauseKind,
    DaysReversed,
    Journal,
    LedgerBusy,
)
from payment_service.ledger.schemas import LedgerAccountOut, LedgerTransferOut
from payment_service.principals import Bookkeeper
from perisai_kit.db.engine import EXPORT_MINUTES, Database, allow_minutes
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import Day, Instant

"""A year's journal over a slow line."""

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])
AccountText = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=r"^[a-z_]+(:[a-z0-9-]+)*$",
        description="Only transfers from or to this account.",
    ),
]
FirstDay = Annotated[Day | None, Query(description="First business date; all when left out.")]
LastDay = Annotated[Day | None, Query(description="Last business date; all when left out.")]
BookedThrough = Annotated[
    Instant | None,
    Query(
        description="Only what was booked before this instant: the end of the period, 00:00 in "
        "Jakarta of the day after its last one. All when left out.",
        examples=["2027-01-01T00:00:00+07:00"],
    ),
]
CauseText = Annotated[
    str | None,
    Query(
        description="Only transfers of this cause, such as an allocation.",
        max_length=100,
        pattern=rf"^({'|'.join(CauseKind)}):[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$",
        examples=["allocation:0190a000-0000-7000-8000-000000000001"],
    ),
]


@router.get("/accounts", response_model=Page[LedgerAccountOut])
async def list_accounts(
    session: ReadSession, _: Bookkeeper, cursor: Cursor = None, limit: Limit = 100
) -> Page[LedgerAccountOut]:
    """List every account that money has moved on, with its balance."""
    return await service.list_accounts(session, cursor=cursor, limit=limit)


@router.get(
    "/transfers", response_model=Page[LedgerTransferOut], responses=problems(AccountInvalid)
)
async def list_transfers(
    session: ReadSession,
    _: Bookkeeper,
    account: AccountText = None,
    cause: CauseText = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[LedgerTransferOut]:
    """List transfers in the order of their booking, of one account or one cause if given."""
    return await service.list_transfers(
        session,
        account=account,
        cause=Cause.parse(cause) if cause else None,
        cursor=cursor,
        limit=limit,
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(DaysReversed, LedgerBusy),
    },
)
async def export(
    request: Request,
    _: Bookkeeper,
    first_on: FirstDay = None,
    last_on: LastDay = None,
    booked_through: BookedThrough = None,
) -> StreamingResponse:
    """Export the transfers of these business dates as a plain-text accounting journal.

    It declares its accounts and states the balances before the first day and after the last one.
    Transfers dated before the first day but booked later stand on the first day, with their own
    date and the tag `dated_before`. Journals of consecutive periods add up to the ledger where each
    names the end of its period in `booked_through`.
    """
    database: Database = request.app.state.kit.database
    async with database.read() as session:
        await allow_minutes(session, EXPORT_MINUTES)
        journal = await service.plan_export(
            session,
            first_on=first_on,
            last_on=last_on,
            booked_through=booked_through,
            bank_names=await banks.list_account_names(session),
        )
    return StreamingResponse(_stream(database, journal), media_type="text/plain; charset=utf-8")


async def _stream(database: Database, journal: Journal) -> AsyncIterator[str]:
    # The stream outlives the request's own session, so it opens one for itself.
    async with database.read_for_export() as session:
        async for piece in service.export(session, journal):
            yield piece
