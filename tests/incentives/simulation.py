"""A half year in three services, day by day: their own code, databases and feeds, no processes.

Everything that happens is written down for the oracle too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from incentives.oracle import Decided, Paid, Person, Worker, World
from member_service_tests.registrations.histories import TERMS
from member_service_tests.registrations.oracle import Life
from payment_service_tests.month_closing import close_month
from sqlalchemy import select

from member_service import worker as member_worker
from member_service.attribution_periods.rules import AttributionReason
from member_service.attributions import service as attributions
from member_service.attributions.schemas import NewAttribution
from member_service.coverage import routes as basis_routes
from member_service.coverage import service as coverage
from member_service.coverage.schemas import NewEnding
from member_service.declarations import service as declarations
from member_service.declarations.schemas import NewWorkDeclaration
from member_service.enrolments import service as enrolments
from member_service.enrolments.schemas import NewMember
from member_service.evidence.schemas import NewEvidence
from member_service.members.rules import Limits
from payment_service import worker as payment_worker
from payment_service.allocations.models import Allocation
from payment_service.allocations.rules import Share
from payment_service.bills import service as bills
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis
from payment_service.commissions.tasks import Computation
from payment_service.incentive_statements.models import Statement
from payment_service.orders import service as orders
from payment_service.payments import service as payments
from payment_service.payments.rules import Notice, Settlement
from payment_service.payouts.tasks import ACCOUNTS
from payment_service.settings import Settings
from payment_service.verifications import service as verifications
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.db.sql import execute_together, make_executor
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
)
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import number_now
from sandbox.demo.people import member_body, new_adult

BRANCH = Scope(ScopeKind.BRANCH, "BWI", "JTM")
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
OFFICER = Principal(account_id=new_id(), roles=frozenset({Role.BRANCH_OFFICER}), scope=BRANCH)
SERVICE = Principal(account_id=new_id(), roles=frozenset({Role.SERVICE}), client_id="payment")
LIMITS = Limits(
    min_age=15,
    min_declared_income=1_000_000,
    members_per_phone=50,
    members_per_phone_and_agent=30,
    shared_phone_from=6,
    known_niks_a_day=100,
)
AT_WORK = ("activated", "reinstated")
KINDS = {
    "suspended": AgentSuspended,
    "dismissed": AgentDismissed,
    "activated": AgentActivated,
    "reinstated": AgentReinstated,
}


@dataclass
class Services:
    """The databases of the services, and a clock that moves by hand."""

    agent: Database
    member: Database
    payment: Database
    keyring: Keyring
    settings: Settings
    set_clock: Callable[[datetime], None]


@dataclass
class Simulation:
    services: Services
    world: World
    chance: Random
    now: datetime
    bank: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        feeds = {
            name: LocalFeed(getattr(self.services, name), source=name, signals=Signals())
            for name in ("agent", "member", "payment")
        }
        of_members = member_worker.subscriptions(
            agents=feeds["agent"], payments=feeds["payment"], terms=TERMS, poll_s=0
        )
        of_payments = payment_worker.subscriptions(
            own=feeds["payment"], members=feeds["member"], agents=feeds["agent"], poll_s=0
        )
        self.readers: list[tuple[Subscription, Database]] = [
            *((each, self.services.member) for each in of_members),
            *((each, self.services.payment) for each in of_payments),
        ]
        self._computation = Computation(feeds["agent"])
        self._planned: dict[UUID, dict[str, Any]] = {}
        # Who has nothing new to read is not asked, which saves most of the time.
        self._numbered = dict.fromkeys(feeds, 0)
        self._read_to = dict.fromkeys((each.name for each, _ in self.readers), 0)
        self.move(timedelta())

    def add_reader(self, reader: Subscription, database: Database) -> None:
        self.readers.append((reader, database))
        self._read_to[reader.name] = 0

    def move(self, step: timedelta) -> None:
        self.now += step
        self.services.set_clock(self.now)

    async def read(self, *, everything: bool = False, whole: bool = False) -> None:
        """Let readers read as chance will have it, or everything until nothing is new.

        whole: ask all of them, so that they know how far they have read.
        """
        for _ in range(20 if everything else 1):
            total = 0
            for reader, database in self.chance.sample(self.readers, len(self.readers)):
                if everything or self.chance.random() < 0.5:
                    total += await self._read(reader, database, whole=whole)
            if everything or self.chance.random() < 0.5:
                await self._computation.run(self.services.payment)
            if not total:
                return
        assert not everything, "the feeds do not come to rest"

    async def _read(self, reader: Subscription, database: Database, *, whole: bool) -> int:
        # Subscriptions are named by what they read: payments, commissions.members and so on.
        source = "agent" if reader.name == ACCOUNTS else reader.name.rpartition(".")[2][:-1]
        total = 0
        while True:
            self._numbered[source] += await number_now(getattr(self.services, source))
            if self._read_to[reader.name] == self._numbered[source] and not whole:
                return total
            count = await reader.step(database)
            total += count
            if not count:
                self._read_to[reader.name] = self._numbered[source]
                return total

    async def take_on(self, *, wadah: UUID, member: UUID | None = None) -> UUID:
        agent_id = new_id()
        self.world.agents[agent_id] = Worker(wadah, member)
        await self.decide(agent_id, "activated")
        return agent_id

    async def decide(self, agent_id: UUID, kind: str) -> None:
        """Let agent-service decide about an agent."""
        worker = self.world.agents[agent_id]
        at = clock.now()
        if kind in ("suspended", "dismissed"):
            await self.cancel_move(agent_id, f"agent_{kind}")
        worker.decided.append((at, kind))
        common: dict[str, Any] = {
            "agent_id": agent_id,
            "account_id": new_id(),
            "decided_at": at,
        }
        if kind in AT_WORK:
            common |= {
                "member_id": worker.member or new_id(),
                "wadah_id": worker.wadah_on(clock.today()),
                "branch_code": BRANCH.code,
                "region_code": BRANCH.region,
                "agent_code": "A1",
            }
        else:
            common["reason_code"] = "fraud"
        async with self.services.agent.begin() as session:
            await publish(session, KINDS[kind](**common))

    async def plan_move(self, agent_id: UUID, wadah: UUID, first_day: date) -> None:
        """Let two officers decide that an agent moves to another wadah on a coming day."""
        worker = self.world.agents[agent_id]
        leaves = worker.wadah_on(first_day)
        if wadah == leaves or agent_id in self._planned or worker.decided[-1][1] not in AT_WORK:
            return
        worker.moves.append((first_day, wadah))
        self._planned[agent_id] = planned = {
            "move_id": new_id(),
            "agent_id": agent_id,
            "from_wadah_id": leaves,
            "wadah_id": wadah,
            "from_date": first_day,
        }
        async with self.services.agent.begin() as session:
            await publish(session, AgentWadahChanged(**planned, decided_at=clock.now()))

    async def cancel_move(self, agent_id: UUID, reason: str) -> None:
        """Let a move that has not begun not take place."""
        planned = self._planned.pop(agent_id, None)
        if planned is None or planned["from_date"] <= clock.today():
            return
        self.world.agents[agent_id].moves.remove((planned["from_date"], planned["wadah_id"]))
        event = AgentWadahChangeCancelled(**planned, reason_code=reason, decided_at=clock.now())
        async with self.services.agent.begin() as session:
            await publish(session, event)

    def forget_begun(self) -> None:
        """Let agents whose move has begun plan another one."""
        today = clock.today()
        begun = [id_ for id_, each in self._planned.items() if each["from_date"] <= today]
        for agent_id in begun:
            del self._planned[agent_id]

    async def enrol(self, agent_id: UUID | None, *, new_to_bpu: bool, has_jht: bool) -> UUID:
        """Enrol somebody: by this agent, or by an officer."""
        by = OFFICER
        if agent_id is not None:
            # A token of yesterday may still name the wadah of then.
            yesterday = clock.today() - timedelta(days=self.chance.randint(0, 1))
            wadah = self.world.agents[agent_id].wadah_on(yesterday)
            by = Principal(
                account_id=new_id(),
                roles=frozenset({Role.AGENT}),
                agent_id=agent_id,
                wadah_id=wadah,
                scope=BRANCH,
            )
        now = clock.now()
        adult = new_adult(clock.today())
        programmes = ["jkk", "jkm", "jht"] if has_jht else ["jkk", "jkm"]
        body = member_body(adult, at=now, new_to_bpu=new_to_bpu) | {"programmes": programmes}
        body["work_declaration"] = {"working": True, "declared_on": str(clock.today())}
        desk = enrolments.make_desk(by, limits=LIMITS, keyring=self.services.keyring)
        async with self.services.member.begin() as session:
            form = NewMember.model_validate(body)
            member = await enrolments.enrol(session, form=form, desk=desk, principal=by)
        self.world.people[member.id] = Person(
            Life(member.birth_date, [(clock.today(), member.created_at)]),
            [Decided(clock.today(), member.created_at, agent_id)],
            new_to_bpu,
        )
        return member.id

    async def declare(self, member_id: UUID) -> None:
        async with self.services.member.begin() as session:
            made = await declarations.declare_work(
                session,
                member_id=member_id,
                new=NewWorkDeclaration(working=True, declared_on=clock.today()),
                viewer=ADMIN,
            )
        self.world.people[member_id].life.declared.append((made.declared_on, made.made_at))

    async def hand_over(self, member_id: UUID, agent_id: UUID | None, start: date | None) -> None:
        new = NewAttribution(
            agent_id=agent_id, from_date=start, reason=AttributionReason.BRANCH_DECISION
        )
        async with self.services.member.begin() as session:
            made = await attributions.change(session, member_id=member_id, new=new, officer=ADMIN)
        decided = self.world.people[member_id].decided
        if made.at_once:
            for each in decided:
                each.withdrawn |= each.from_date > clock.today() and not each.at_once
        decided.append(Decided(made.from_date, made.made_at, agent_id, made.at_once))

    async def bill(self, member_id: UUID, months: int) -> BillOut | None:
        """Bill as many months of a random offer, as far as it goes; None where there is none."""
        async with self.services.member.begin() as session:
            found = await coverage.get_basis(
                session, member_id=member_id, viewer=SERVICE, terms=TERMS
            )
            basis_out = basis_routes.basis_out(found)
        basis = ContributionBasis.model_validate_json(basis_out.model_dump_json())
        if not basis.offers:
            return None
        offer = self.chance.choice(basis.offers)
        asked = NewBill(
            member_id=member_id,
            first_month=offer.months[0],
            month_count=min(months, len(offer.months)),
        )
        async with self.services.payment.begin() as session:
            issued = await orders.issue_bill(
                session, asked, basis, by=new_id(), settings=self.services.settings
            )
            return await bills.read(session, issued.bills[0])

    async def pay(self, bill: BillOut, *, paying_account: str | None = None) -> None:
        """Let the bank pay a bill now, and tell of it at once."""
        account = bill.virtual_accounts[0]
        key = (account.partner_id, account.customer_no)
        now = clock.now()
        async with self.services.payment.begin() as session:
            run = make_executor(session)
            order = (await orders.lock_for_payment(run, [key]))[key]
            (locked,) = order.bills
            if locked.status != "open" or not locked.issued_at <= now < locked.expires_at:
                return
            notice = Notice(
                partner_id=account.partner_id,
                payment_request_id=str(new_id()),
                amount=locked.amount,
                trx_date_time=now,
                received_at=now,
                paid_at=now,
                channel_code="6017",
                reference_no="1",
                paying_account=paying_account,
            )
            shares = [Share(locked.amount, locked)]
            settlement = Settlement(new_id(), new_id(), order.id, notice, shares)
            await execute_together(run, payments.settle_statements([settlement]))
            made = select(Allocation.id).where(Allocation.payment_id == settlement.payment_id)
            allocation_id = (await session.scalars(made)).one()
        self.world.people[bill.member_id].paid.append(
            Paid(
                allocation_id,
                locked.issued_at,
                now,
                {(line.month, line.programme.value): line.amount for line in locked.lines},
            )
        )

    async def end(self, member_id: UUID, last_day: date) -> None:
        new = NewEnding(reason="choice", last_day=last_day)
        async with self.services.member.begin() as session:
            await coverage.report_ending(
                session, member_id=member_id, new=new, officer=ADMIN, terms=TERMS
            )
        life = self.world.people[member_id].life
        life.endings.append((last_day + timedelta(days=1), "choice"))

    async def tell_evidence(self, member_id: UUID, new_to_bpu: bool) -> None:
        new = NewEvidence(new_to_bpu=new_to_bpu, basis="bpjs_record" if new_to_bpu else None)
        async with self.services.member.begin() as session:
            await coverage.take_evidence(
                session, member_id=member_id, new=new, officer=ADMIN, terms=TERMS
            )
        self.world.people[member_id].was_never_in_bpu = new_to_bpu

    async def close(self, month: Month) -> dict[UUID, int]:
        """Close a month; return the statements' amounts."""
        await self.read(everything=True)
        async with self.services.member.begin() as session:
            await coverage.announce_ends(session, terms=TERMS, limit=1000)
        await self.read(everything=True, whole=True)
        async with self.services.payment.begin() as session:
            await close_month(session, month, settings=self.services.settings)
        opinion = await verifications.verify(self.services.payment, month)
        assert (opinion.difference_count, opinion.left_out_count) == (0, 0), opinion.differences
        async with self.services.payment.read() as session:
            rows = await session.scalars(select(Statement).where(Statement.month == month))
            return {row.beneficiary_id: row.amount for row in rows}

    async def try_to(self, act: Any) -> None:
        """Do something that the rules may refuse: that is the services' to say."""
        try:
            await act
        except DomainError:
            return
