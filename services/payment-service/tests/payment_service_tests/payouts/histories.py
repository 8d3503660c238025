"""A random history of an agent and a wadah: their members, officers who decide, and banks."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from payment_service_tests.hold_decisions.deciding import approve, list_holds, take_back_forfeit
from payment_service_tests.incentive_holds.conftest import dismiss
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    list_transfers,
    send,
    sign_agreement,
)
from payment_service_tests.payouts.oracle import Oracle
from payment_service_tests.village import Village, apply_events, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds.rules import HoldVerdict
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_releases import service as releases
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import RunStatus, RunVerdict
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutOutdated, PayoutStatus
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

FIRST = Month(2025, 10)
AGENT_SHARE, WADAH_SHARE = 5_520, 552
"""Rupiah of each payment for one month."""
VERDICTS = [HoldVerdict.FORFEIT, HoldVerdict.FORFEIT, HoldVerdict.RELEASE]
Tell = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[None]]
Row = TypeVar("Row")


@dataclass
class History:
    """Acts that may be done at any time; each tells whether there was anything to do.

    is_apart: in a month members pay, or payments are taken back, and not both.
    """

    session: AsyncSession
    office: Office
    account: PayoutAccount
    tell: Tell
    close_month: Close
    chance: random.Random
    is_apart: bool = False
    village: Village = field(default_factory=Village)
    month: Month = FIRST
    acts: list[str] = field(default_factory=list)
    paid_in: set[Month] = field(default_factory=set)
    taken_in: set[Month] = field(default_factory=set)
    dismissed_in: set[Month] = field(default_factory=set)

    def __post_init__(self) -> None:
        shares = {self.village.agent_id: AGENT_SHARE, self.village.wadah_id: WADAH_SHARE}
        self.oracle = Oracle(shares)

    async def begin(self, book: PayeeBook) -> None:
        """Let both have bank accounts, and the first payments come."""
        at, village = noon(FIRST.plus(-1)), self.village
        book.add(village.agent_id)
        book.add(village.wadah_id, "wadah", legal_entity=True)
        known = [book.tell(each, at=at) for each in (village.agent_id, village.wadah_id)]
        await apply_events(self.session, known)
        await self.pay()
        await self.close()

    async def act(self) -> None:
        """Do one thing at random, of those for which there is anything to do."""
        acts = {
            self.pay: 3,
            self.take_back: 3,
            self.close: 4,
            self.dismiss: 1,
            self.decide: 4,
            self.reverse: 1,
            self.prepare: 2,
            self.release: 4,
            self.reject: 1,
            self.send: 4,
            self.hear: 4,
            self.try_again: 2,
            self.give_up: 1,
            self.return_one: 1,
        }
        while True:
            (act,) = self.chance.choices(list(acts), list(acts.values()))
            if await act():
                self.acts.append(f"{act.__name__} in {self.month}")
                return

    async def pay(self) -> bool:
        if self.is_apart and self.month in self.taken_in:
            return False
        self.paid_in.add(self.month)
        for _ in range(self.chance.choice([1, 1, 2, 3])):
            payment = self.village.pay(self.month, is_acquisition=False)
            self.oracle.standing[payment.allocation_id] = self.month
        await self.tell(self.village)
        return True

    async def take_back(self) -> bool:
        """Some payments do not count after all."""
        standing = [e for e in self.village.settled if e.allocation_id in self.oracle.standing]
        if not standing or (self.is_apart and self.month in self.paid_in):
            return False
        self.taken_in.add(self.month)
        for each in self.chance.sample(standing, min(len(standing), self.chance.choice([1, 2]))):
            self.village.decline(each)
            del self.oracle.standing[each.allocation_id]
        await self.tell(self.village)
        return True

    async def close(self) -> bool:
        """Close the month; at times the wadah has no agreement then, and its share is held."""
        if self.chance.random() < 0.5:
            days = self.month.plus(1)
            agreement = sign_agreement(self.village.wadah_id, pays=PaymentMethod.AGENTS)
            span = {"starts_on": days.first_day, "ends_on": days.last_day}
            self.village.decided.append(agreement.model_copy(update=span))
        await self.tell(self.village)
        await self.close_month(self.month)
        self.oracle.close(self.month)
        self.month = self.month.plus(1)
        return True

    async def dismiss(self) -> bool:
        """Dismiss the agent for fraud, who is at work again on the next day."""
        if self.month in self.dismissed_in:
            return False
        self.dismissed_in.add(self.month)
        event = await dismiss(self.session, self.village, noon(self.month, 27))
        self.village.decided += [event, self.village.reinstate(noon(self.month, 28))]
        await self.tell(self.village)
        return True

    async def decide(self) -> bool:
        """Two people release or forfeit what is held."""
        hold = self._choose(await list_holds(self.session, status="open"))
        if hold is not None:
            verdict = self.chance.choice(VERDICTS)
            self.acts.append(f"  {verdict} {hold.kind}")
            await approve(self.session, hold.id, verdict)
        return hold is not None

    async def reverse(self) -> bool:
        """Two people take a forfeit back."""
        hold = self._choose(await list_holds(self.session, status="forfeited"))
        if hold is not None:
            await take_back_forfeit(self.session, hold.id)
        return hold is not None

    async def prepare(self) -> bool:
        await self.office.prepare(self.account.id, self.month.plus(-1))
        return True

    async def release(self) -> bool:
        run = await self._choose_run()
        if run is None or not run.figures or not run.figures["payout_count"]:
            return False
        await self.office.release(run.id)
        return True

    async def reject(self) -> bool:
        run = await self._choose_run()
        if run is not None:
            await runs.decide(self.session, run.id, verdict=RunVerdict.REJECTED, by=new_id())
        return run is not None

    async def send(self) -> bool:
        found = await self._choose_transfer(TransferStatus.CREATED)
        if found is not None:
            await send(self.session, found.id)
        return found is not None

    async def hear(self) -> bool:
        """A bank pays what it has, or refuses it."""
        found = await self._choose_transfer(TransferStatus.SENT)
        if found is None:
            return False
        if self.chance.random() < 0.7:
            await payouts.mark_paid(self.session, found.id, BY_BANK)
            await self._note(found, 1)
        else:
            await payouts.mark_failed(self.session, found.id, REFUSED)
        return True

    async def try_again(self) -> bool:
        """What failed is sent again, or a bank says late that it was paid."""
        payout = await self._choose_failed()
        if payout is None:
            return False
        attempts = await list_transfers(self.session, payout.run_id)
        last = [each for each in attempts if each.payout_id == payout.id][-1]
        if self.chance.random() < 0.5:
            await payouts.mark_paid(self.session, last.id, BY_BANK)
            await self._note(last, 1)
            return True
        try:
            await releases.retry(self.session, payout.id, by=new_id())
        except PayoutOutdated:
            await self.give_up()
        return True

    async def give_up(self) -> bool:
        payout = await self._choose_failed()
        if payout is not None:
            await payouts.give_up(self.session, payout.id, by=new_id())
        return payout is not None

    async def return_one(self) -> bool:
        found = await self._choose_transfer(TransferStatus.PAID)
        if found is not None:
            await payouts.mark_returned(self.session, found.id, BY_BANK)
            await self._note(found, -1)
        return found is not None

    async def settle(self) -> None:
        """Let all be closed, decided and paid, until nothing is left."""
        self.acts.append("settle")
        await self.close()
        is_left = True
        while is_left:
            while await self.decide() or await self.give_up() or await self.release():
                pass
            while await self.reject() or await self.send():
                pass
            while found := await self._choose_transfer(TransferStatus.SENT):
                await payouts.mark_paid(self.session, found.id, BY_BANK)
                await self._note(found, 1)
            await self.prepare()
            run, held = await self._choose_run(), await list_holds(self.session, status="open")
            is_left = bool(held) or bool(run and run.figures and run.figures["payout_count"])

    async def _note(self, transfer: PayoutTransfer, sign: int) -> None:
        payout = await self.session.get_one(Payout, transfer.payout_id)
        self.acts.append(f"  {sign * payout.gross} by a bank to the {payout.payee_kind}")
        self.oracle.paid[payout.payee_id] += sign * payout.gross

    def _choose(self, found: Sequence[Row]) -> Row | None:
        return self.chance.choice(found) if found else None

    async def _choose_of(self, model: Any, *conditions: Any) -> Any:
        chosen = select(model).where(*conditions).order_by(model.id)
        fresh = chosen.execution_options(populate_existing=True)
        return self._choose((await self.session.scalars(fresh)).all())

    async def _choose_run(self) -> PayoutRun | None:
        run: PayoutRun | None = await self._choose_of(
            PayoutRun, PayoutRun.status == RunStatus.PROPOSED
        )
        return run

    async def _choose_transfer(self, status: TransferStatus) -> PayoutTransfer | None:
        found: PayoutTransfer | None = await self._choose_of(
            PayoutTransfer, PayoutTransfer.status == status
        )
        return found

    async def _choose_failed(self) -> Payout | None:
        payout: Payout | None = await self._choose_of(
            Payout, Payout.status == PayoutStatus.FAILED, Payout.withdrawn_at.is_(None)
        )
        return payout
