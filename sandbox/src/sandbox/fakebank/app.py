"""The bank's process: `perisai-serve fakebank`."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from perisai_kit.domain import clock
from perisai_kit.http.answers.cross_origin import CrossOrigin
from sandbox.fakebank import control, money_control
from sandbox.fakebank.accounts import Accounts
from sandbox.fakebank.calls import BankClient
from sandbox.fakebank.config import Partners
from sandbox.fakebank.errors import ControlError
from sandbox.fakebank.exchange import BankSide
from sandbox.fakebank.flags import Flags
from sandbox.fakebank.journal import Journal
from sandbox.fakebank.money import MoneyBook
from sandbox.fakebank.plans import Plans
from sandbox.fakebank.serving import snap_router

ACCOUNTS_FILE = "fakebank-accounts.json"
MONEY_FILE = "fakebank-money.json"


def create_app(
    environment: Mapping[str, str] = os.environ,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Return the bank. It keeps its accounts in the folder of its config file.

    transport: what carries its calls to the platform; the network when left out.
    """
    clock_file = environment.get("PERISAI_CLOCK_FILE")
    clock.follow_test_clock(
        Path(clock_file) if clock_file else None,
        sandbox=environment.get("PERISAI_SANDBOX", "") in ("1", "true"),
    )
    named = environment.get("PERISAI_FAKEBANK_CONFIG")
    path = Path(named) if named else None
    journal = Journal()
    partners = Partners(path)
    accounts = Accounts(path.with_name(ACCOUNTS_FILE) if path else None)
    flags = Flags()
    money, plans = MoneyBook(path.with_name(MONEY_FILE) if path else None), Plans()
    client = BankClient(journal, flags, transport=transport)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    app = FastAPI(
        title="The bank of the sandbox",
        lifespan=lifespan,
        docs_url=None,  # the framework's own pages load from the Internet
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = control.Desk(partners, accounts, journal, client)
    app.state.money_desk = money_control.MoneyDesk(money, plans)
    app.include_router(control.router)
    app.include_router(money_control.router)
    side = BankSide(partners, accounts, flags, journal, money, plans)
    app.include_router(snap_router(side))
    app.add_exception_handler(ControlError, _refuse)
    app.add_middleware(CrossOrigin, localhost=True)
    return app


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    status, code = (
        (error.status, error.code) if isinstance(error, ControlError) else (500, "internal")
    )
    return JSONResponse({"status": status, "code": code, "detail": str(error)}, status)
