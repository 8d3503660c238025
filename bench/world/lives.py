"""Let the product live the histories of the models: its own code and databases, no processes.

What member- and agent-service learn, they learn from the feeds; what banks pay comes as signed
messages. So every row of the models is one that the services have written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent_service import worker as agent_worker
from bench.world.bank import ModelBank
from bench.world.office import ADMIN, OFFICER, PAYMENT, Office
from bench.world.plan import Model, Plan
from member_service import worker as member_worker
from member_service.coverage import routes as basis_routes
from member_service.coverage import service as coverage
from member_service.coverage.tasks import CoverageTasks
from member_service.declarations import service as declarations
from member_service.declarations.schemas import NewWorkDeclaration
from member_service.enrolments import service as enrolments
from member_service.enrolments.schemas import NewMember
from member_service.settings import Settings as MemberSettings
from payment_service import worker as payment_worker
from payment_service.bills import service as bills
from payment_service.bills.schemas import NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.closings import service as closings
from payment_service.closings.rules import ClosingVerdict
from payment_service.commissions.tasks import Computation
from payment_service.orders import service as orders
from payment_service.settings import Settings as PaymentSettings
from perisai_kit.auth.principal import Principal
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import number_now
from sandbox.demo.people import member_body
from sandbox.sample.plan import Outcome, PlannedBill

NAMES = ("agent", "member", "payment")
DAY, HOUR = 5, 9
"""When things happen in a month, in Jakarta: late enough to close the month before."""
PAY_AFTER, NEXT_AFTER = timedelta(seconds=20), timedelta(seconds=5)
CLOSED_AT_ONCE = 500
"""Statements issued in a step of a closing."""
ROUNDS_MOST = 20


@dataclass(frozen=True, slots=True)
class Present:
    """The instant at which the histories end, and the month that is called the present one."""

    at: datetime

    @property
    def month(self) -> Month:
        """The last month of which the day on which things happen has passed."""
        today = self.at.astimezone(JAKARTA)
        return Month.of(today.date()).plus(0 if (today.day, today.hour) > (DAY, HOUR + 9) else -1)

    def instant(self, months_ago: int) -> datetime:
        first = self.month.plus(-months_ago).first_day
        return datetime(first.year, first.month, DAY, HOUR, tzinfo=JAKARTA)


class Lives:
    """The services with their databases, and a clock that moves by hand."""

    def __init__(
        self,
        plan: Plan,
        databases: Mapping[str, Database],
        keyrings: Mapping[str, Keyring],
        bank: ModelBank,
        *,
        clock_file: Path,
    ) -> None:
        """databases: by service; those of agent-, member- and payment-service, migrated, empty."""
        self._databases, self._keyrings = databases, keyrings
        self._agent, self._member, self._payment = (databases[name] for name in NAMES)
        self._bank = bank
        self._clock_file = clock_file
        self._present = Present(clock.real_now())
        self._plan = plan
        self.models = plan.models(self._present.at.date())
        self._members = {each.place: new_id() for each in self.models}
        self._agents: list[Principal] = []
        self._payment_settings = PaymentSettings.model_construct()
        self._office = Office(self._agent, keyrings["agent"])
        member_settings = MemberSettings.model_construct()
        self._terms, self._limits = member_settings.terms, member_settings.limits
        feeds = {
            name: LocalFeed(each, source=name, signals=Signals())
            for name, each in databases.items()
        }
        self._sources: dict[FeedSource, str] = {feed: name for name, feed in feeds.items()}
        self._readers: list[tuple[Subscription, Database]] = [
            *((each, self._agent) for each in _subscriptions_of_agents(feeds)),
            *((each, self._member) for each in _subscriptions_of_members(feeds, self._terms)),
            *((each, self._payment) for each in _subscriptions_of_payments(feeds)),
        ]
        self._computation = Computation(feeds["agent"])
        # Who has nothing new to read is not asked, which saves most of the time.
        self._numbered = dict.fromkeys(databases, 0)
        self._read_to = {reader.name: 0 for reader, _ in self._readers}

    async def live(self) -> None:
        """Let everything happen, month by month, and every month but the last two be closed."""
        clock.follow_test_clock(self._clock_file, sandbox=True)
        try:
            for months_ago in range(self._plan.months, -1, -1):
                await self._live_month(months_ago)
            self._clock_file.unlink()
            for model in self.models:
                for bill in model.bills(0):
                    if bill.outcome is Outcome.UNPAID:
                        await self._issue(model, bill, self._present.month.plus(-bill.first))
            await self._read_feeds()
        finally:
            self._clock_file.unlink(missing_ok=True)
            clock.follow_test_clock(None, sandbox=True)

    async def _live_month(self, months_ago: int) -> None:
        self._at = self._present.instant(months_ago)
        self._move(timedelta())
        if months_ago == self._plan.months:
            await self._office.open(self._at.date())
        elif months_ago % 12 == 0:
            await self._office.sign_agreement(self._at.date())
        await self._end_memberships()
        # The last month that is over stays open: closing it is what is measured.
        if 0 < months_ago < self._plan.months:
            await self._close(self._present.month.plus(-months_ago - 1))
        await self._enrol_all(months_ago)
        await self._pay_all(months_ago)
        await self._read_feeds()

    async def _enrol_all(self, months_ago: int) -> None:
        for model in self.models:
            if model.history.enrolled == months_ago:
                await self._enrol(model)
        if months_ago == self._plan.months:
            for model in self.models[: self._plan.agents]:
                member_id = self._members[model.place]
                agent = await self._office.appoint(model, member_id, today=self._at.date())
                self._agents.append(agent)
            await self._read_feeds()

    async def _pay_all(self, months_ago: int) -> None:
        for model in self.models:
            for bill in model.bills(months_ago):
                if bill.outcome is Outcome.PAID:
                    await self._bill_and_pay(model, bill)

    def _move(self, step: timedelta) -> None:
        self._at += step
        clock.set_test_clock(self._clock_file, self._at)

    async def _enrol(self, model: Model) -> None:
        by = OFFICER if model.desk is None else self._agents[model.desk]
        programmes = ["jkk", "jkm", "jht"] if model.has_jht else ["jkk", "jkm"]
        body = member_body(model.person, at=self._at) | {
            "id": str(self._members[model.place]),
            "programmes": programmes,
        }
        desk = enrolments.make_desk(by, limits=self._limits, keyring=self._keyrings["member"])
        async with self._member.begin() as session:
            form = NewMember.model_validate(body)
            await enrolments.enrol(session, form=form, desk=desk, principal=by)
        self._move(NEXT_AFTER)

    async def _bill_and_pay(self, model: Model, bill: PlannedBill) -> None:
        if bill.declared:
            await self._declare(model)
        first = self._present.month.plus(-bill.first)
        number, amount = await self._issue(model, bill, first)
        self._move(PAY_AFTER)
        await self._bank.pay(number, amount, name=model.person.full_name)
        self._move(NEXT_AFTER)

    async def _declare(self, model: Model) -> None:
        new = NewWorkDeclaration(working=True, declared_on=self._at.date())
        async with self._member.begin() as session:
            await declarations.declare_work(
                session, member_id=self._members[model.place], new=new, viewer=ADMIN
            )
        self._move(NEXT_AFTER)

    async def _issue(self, model: Model, bill: PlannedBill, first: Month) -> tuple[str, int]:
        """Issue a bill; return the customer number of its account, and its amount."""
        member_id = self._members[model.place]
        async with self._member.begin() as session:
            found = await coverage.get_basis(
                session, member_id=member_id, viewer=PAYMENT, terms=self._terms
            )
            answer = basis_routes.basis_out(found).model_dump_json()
        basis = ContributionBasis.model_validate_json(answer)
        asked = NewBill(member_id=member_id, first_month=first, month_count=bill.count)
        by = OFFICER if model.desk is None else self._agents[model.desk]
        async with self._payment.begin() as session:
            issued = await orders.issue_bill(
                session, asked, basis, by=by.account_id, settings=self._payment_settings
            )
            shown = await bills.read(session, issued.bills[0])
        return shown.virtual_accounts[0].customer_no, shown.amount

    async def _end_memberships(self) -> None:
        while await CoverageTasks(self._terms).announce_ends(self._member):
            pass

    async def _close(self, month: Month) -> None:
        await self._read_feeds(whole=True)
        settings = self._payment_settings
        async with self._payment.begin() as session:
            await closings.propose(session, month, by=new_id(), settings=settings)
            await closings.decide(
                session, month, verdict=ClosingVerdict.CONFIRMED, by=new_id(), settings=settings
            )
            while await closings.step(session, batch=CLOSED_AT_ONCE, settings=settings):
                pass

    async def _read_feeds(self, *, whole: bool = False) -> None:
        """Let all readers read until nothing is new.

        whole: ask all of them, so that they know how far they have read.
        """
        for turn in range(ROUNDS_MOST):
            total = 0
            for reader, database in self._readers:
                total += await self._read_feed(reader, database, always=whole)
            if total:
                await self._computation.run(self._payment)
            elif turn or not whole:  # the first answer may be a bookmark only
                return
        raise AssertionError("the feeds do not come to rest")

    async def _read_feed(self, reader: Subscription, database: Database, *, always: bool) -> int:
        source = self._sources[reader.source]
        self._numbered[source] += await number_now(self._databases[source])
        total = 0
        while always or self._read_to[reader.name] != self._numbered[source]:
            count = await reader.step(database)
            total += count
            if not count:
                self._read_to[reader.name] = self._numbered[source]
                break
        return total


def _subscriptions_of_agents(feeds: Mapping[str, LocalFeed]) -> list[Subscription]:
    return agent_worker.subscriptions(members=feeds["member"], poll_s=0)


def _subscriptions_of_members(feeds: Mapping[str, LocalFeed], terms: Any) -> list[Subscription]:
    return member_worker.subscriptions(
        agents=feeds["agent"], payments=feeds["payment"], terms=terms, poll_s=0
    )


def _subscriptions_of_payments(feeds: Mapping[str, LocalFeed]) -> list[Subscription]:
    return payment_worker.subscriptions(
        own=feeds["payment"], members=feeds["member"], agents=feeds["agent"], poll_s=0
    )
