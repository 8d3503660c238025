"""The control API for money: paying accounts, transfers and the trouble they meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, StringConstraints

from perisai_kit.domain import clock
from perisai_kit.http.types import Model, Out
from sandbox.fakebank.errors import NoTransfer
from sandbox.fakebank.money import Entry, MoneyBook, State
from sandbox.fakebank.plans import LATE_S, LateS, Plan, Plans
from snap_bi.transfer_rules import InterbankRoute

AccountNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,34}$")]


class PayingAccount(Model):
    account_no: AccountNo
    balance: Annotated[int, Field(ge=0, lt=10**15, description="Rupiah.")]


class BalanceOut(Out):
    account_no: str
    balance: int = Field(description="Rupiah; below zero after a late transfer.")


class NewPlan(Plan):
    beneficiary_account_no: AccountNo | None = Field(
        default=None, description="Whose next transfer it is for; the next one when left out."
    )
    times: Annotated[int, Field(ge=1, le=1000)] = 1


class RandomPlan(Model):
    seed: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5,
        description="Of the transfers that meet trouble; a third of it of the inquiries.",
    )
    late_s: LateS = Field(default=LATE_S, description="When late transfers are executed.")


class TransferOut(Out):
    service: str
    external_id: str
    partner_reference_no: str
    account_no: str
    beneficiary_account_no: str
    route: InterbankRoute | None = Field(
        default=None, description="By which network, at banks that let us choose."
    )
    amount: int
    remark: str
    requested_at: datetime
    arrived_at: datetime
    state: State
    inquiries: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class MoneyDesk:
    """The state of this part of the control API, at `request.app.state.money_desk`."""

    money: MoneyBook
    plans: Plans


async def _desk(request: Request) -> MoneyDesk:
    desk: MoneyDesk = request.app.state.money_desk
    return desk


AtDesk = Annotated[MoneyDesk, Depends(_desk)]
router = APIRouter(tags=["control"])


# Coroutines, not threads: the book belongs to the event loop, as the services of the bank do.
@router.post("/paying-accounts", status_code=201)
async def open_account(account: PayingAccount, desk: AtDesk) -> PayingAccount:
    """Open an account of the platform, or set its balance."""
    desk.money.open(account.account_no, balance=account.balance)
    return account


@router.get("/paying-accounts")
async def list_accounts(desk: AtDesk) -> Sequence[BalanceOut]:
    """List the accounts of the platform with their balances."""
    balances = desk.money.balances(now=clock.real_now())
    return [BalanceOut(account_no=no, balance=balance) for no, balance in balances.items()]


@router.get("/transfers")
async def list_transfers(
    desk: AtDesk, skip: Annotated[int, Query(ge=0)] = 0
) -> Sequence[TransferOut]:
    """List the transfers that were taken, executed or not, the first first.

    skip: how many of the first are left out.
    """
    found = desk.money.transfers(now=clock.real_now())[skip:]
    return [TransferOut.model_validate(each) for each in found]


@router.get("/entries")
async def list_entries(desk: AtDesk) -> Sequence[Entry]:
    """List the bookings on the accounts of the platform, the first first."""
    return desk.money.entries(now=clock.real_now())


@router.post("/transfers/{external_id}/return")
async def give_back(external_id: str, desk: AtDesk) -> TransferOut:
    """Return the money of an executed transfer, as when the beneficiary's bank refuses it."""
    for transfer in desk.money.transfers(now=clock.real_now()):
        if transfer.external_id == external_id and transfer.state is State.EXECUTED:
            desk.money.give_back(transfer)
            return TransferOut.model_validate(transfer)
    raise NoTransfer


@router.post("/plans", status_code=201)
async def add_plan(new: NewPlan, desk: AtDesk) -> NewPlan:
    """Say what happens to the next transfer, or to the next one to an account."""
    plan = Plan.model_validate(new.model_dump(include=set(Plan.model_fields)))
    for _ in range(new.times):
        desk.plans.add(plan, beneficiary_account_no=new.beneficiary_account_no)
    return new


@router.post("/plans/random", status_code=201)
async def randomise(new: RandomPlan, desk: AtDesk) -> RandomPlan:
    """Give transfers and inquiries random trouble from now on."""
    desk.plans.randomise(new.seed, share=new.share, late_s=new.late_s)
    return new


@router.post("/plans/clear")
async def clear_plans(desk: AtDesk) -> dict[str, str]:
    """Serve everything as usual again."""
    desk.plans.clear()
    return {"status": "ok"}
