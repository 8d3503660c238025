"""Incentive statements over half a year beside an oracle: none differs."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest
from incentives.oracle import Books, Scheme, World, earned, floor
from incentives.simulation import Services, Simulation
from sqlalchemy import select

from payment_service.banks.models import BankPartner
from payment_service.commissions import service as commissions
from payment_service.scheme_comparisons import service as comparisons
from payment_service.scheme_comparisons.models import ComparedBeneficiary
from payment_service.scheme_comparisons.tasks import Comparer
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import SchemeVerdict
from payment_service.schemes.schemas import NewScheme
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month

FIRST = Month(2026, 1)
MONTHS = 6
TERMS = {
    "tiers": [
        {"first_index": 1, "last_index": 24, "rate_bps": 1500},
        {"first_index": 25, "last_index": 60, "rate_bps": 500},
    ],
    "acquisition_by_programmes": [
        {"programmes": 3, "amount": 15_000},
        {"programmes": 2, "amount": 10_000},
    ],
    "acquisition_fixed": 0,
    "threshold": 2,
    "agent_share_bps": 10_000,
    "wadah_share_bps": 0,
    "override_bps": 1_000,
    "sponsored": True,
}


async def begin(services: Services, chance: Random) -> Simulation:
    """Open a world with a bank and a scheme whose threshold a few new members reach."""
    scheme = Scheme(2, 15_000, 10_000, Fraction(15, 100), Fraction(5, 100), Fraction(1, 10))
    started = datetime(FIRST.year, FIRST.month, 2, 9, tzinfo=JAKARTA)
    simulation = Simulation(services, World(scheme), chance, started)
    new = NewScheme.model_validate(
        {"name": "of the test", "first_month": str(FIRST), "terms": TERMS, "source": "the test"}
    )
    async with services.payment.begin() as session:
        proposed = await schemes.propose(session, new, by=new_id(), settings=services.settings)
        await commissions.decide(
            session,
            proposed.id,
            verdict=SchemeVerdict.APPROVED,
            by=new_id(),
            settings=services.settings,
        )
        session.add(bank_partner())
    return simulation


def bank_partner() -> BankPartner:
    now = datetime(2026, 1, 1, tzinfo=JAKARTA)
    return BankPartner(
        id=new_id(),
        name="Bank Uji",
        profile="generic-hmac",
        status="active",
        company_code="88001",
        bank_code="999",
        client_id=str(new_id()),
        client_secret="not used here",
        public_key_pem="not used here",
        allowed_sources=[],
        created_at=now,
        created_by=new_id(),
        status_changed_at=now,
        status_changed_by=new_id(),
        changed_at=now,
        changed_by=[new_id()],
        version=1,
    )


async def live_through(
    simulation: Simulation, *, punctual: bool, check: Callable[[Month], Awaitable[None]]
) -> None:
    """Let half a year pass. punctual: every feed is read before the next day begins."""
    chance, world = simulation.chance, simulation.world
    wadahs = [new_id(), new_id()]
    agents = [await simulation.take_on(wadah=chance.choice(wadahs)) for _ in range(3)]
    await simulation.read(everything=True)
    last = Month.of(simulation.now.date())
    while (today := simulation.now.date()) < FIRST.plus(MONTHS).first_day + timedelta(days=8):
        month = Month.of(today)
        if month != last and today.day >= 3:
            await check(last)
            last = month
        for _ in range(chance.randint(0, 3)):
            simulation.move(timedelta(minutes=chance.randint(1, 200)))
            await simulation.try_to(something(simulation, agents, wadahs))
        await simulation.read(everything=punctual)
        simulation.move(timedelta(days=chance.randint(2, 5), hours=8 - simulation.now.hour))
    if last < FIRST.plus(MONTHS):
        await check(last)
    assert world.people


def something(simulation: Simulation, agents: list[Any], wadahs: list[Any]) -> Awaitable[None]:
    """Return what happens next."""
    chance, world, today = simulation.chance, simulation.world, simulation.now.date()
    people = list(world.people)
    dice = chance.random()
    if dice < 0.22 or not people:
        return enrol_and_pay(simulation, agents)
    member_id = chance.choice(people)
    if dice < 0.72:
        return bill_and_pay(simulation, member_id)
    if dice < 0.78:
        return move_agent(simulation, chance.choice(agents), chance.choice(wadahs))
    if dice < 0.87:
        start = None if chance.random() < 0.4 else Month.of(today).plus(chance.randint(1, 2))
        to = chance.choice([*agents, None])
        return simulation.hand_over(member_id, to, start.first_day if start else None)
    if dice < 0.93:
        return change_agent(simulation, agents, wadahs)
    if dice < 0.96:
        return simulation.end(member_id, today - timedelta(days=chance.randint(-20, 20)))
    return simulation.tell_evidence(member_id, chance.random() < 0.5)


async def enrol_and_pay(simulation: Simulation, agents: list[Any]) -> None:
    chance = simulation.chance
    by = chance.choice([*agents, *agents, None])
    if by is not None and not simulation.world.agents[by].works(simulation.now.date()):
        return
    member_id = await simulation.enrol(
        by, new_to_bpu=chance.random() < 0.8, has_jht=chance.random() < 0.7
    )
    if chance.random() < 0.7:
        await bill_and_pay(simulation, member_id)


async def bill_and_pay(simulation: Simulation, member_id: Any) -> None:
    chance = simulation.chance
    if chance.random() < 0.7:
        await simulation.declare(member_id)
        simulation.move(timedelta(seconds=1))
    bill = await simulation.bill(member_id, chance.choice([1, 1, 1, 2, 3, 6]))
    if bill is not None:
        simulation.move(timedelta(minutes=chance.randint(1, 600)))
        await simulation.pay(bill)


async def move_agent(simulation: Simulation, agent_id: Any, wadah: Any) -> None:
    """Plan a move to another wadah, or withdraw one."""
    chance = simulation.chance
    simulation.forget_begun()
    if chance.random() < 0.2:
        await simulation.cancel_move(agent_id, "withdrawn")
        return
    month = Month.of(simulation.now.date()).plus(chance.choice([1, 1, 2]))
    await simulation.plan_move(agent_id, wadah, month.first_day)


async def change_agent(simulation: Simulation, agents: list[Any], wadahs: list[Any]) -> None:
    """Suspend, reinstate or dismiss an agent; a dismissed one is followed by a new one."""
    chance = simulation.chance
    agent_id = chance.choice(agents)
    worker = simulation.world.agents[agent_id]
    kind = worker.decided[-1][1]
    if kind == "suspended":
        await simulation.decide(agent_id, "reinstated")
    elif kind != "dismissed":
        await simulation.decide(agent_id, chance.choice(["suspended", "suspended", "dismissed"]))
    if worker.decided[-1][1] == "dismissed":
        agents.remove(agent_id)
        member = chance.choice([*simulation.world.people, None])
        agents.append(await simulation.take_on(wadah=chance.choice(wadahs), member=member))


async def compare(services: Services, seed: str, *, punctual: bool) -> None:
    simulation = await begin(services, Random(seed))
    books = Books()

    async def check(month: Month) -> None:
        made = await simulation.close(month)
        wanted = books.close(simulation.world, month, known_on=simulation.now.date())
        assert {who: amount for who, amount in made.items() if amount} == wanted, (seed, month)

    await live_through(simulation, punctual=punctual, check=check)
    assert sum(books.stated.values()) > 0
    await compare_schemes(simulation, seed)


OTHER_TERMS = {
    **TERMS,
    "tiers": [
        {"first_index": 1, "last_index": 24, "rate_bps": 1000},
        {"first_index": 25, "last_index": 60, "rate_bps": 700},
    ],
    "acquisition_by_programmes": [
        {"programmes": 3, "amount": 20_000},
        {"programmes": 2, "amount": 5_000},
    ],
    "threshold": 3,
    "override_bps": 500,
}
OTHER = Scheme(3, 20_000, 5_000, Fraction(10, 100), Fraction(7, 100), Fraction(5, 100))


async def compare_schemes(simulation: Simulation, seed: str) -> None:
    """Ask what the scheme itself, and another one, would have paid in the months that are closed.

    What happened after the last close is read first: it may change what those months earned.
    """
    services, world = simulation.services, simulation.world
    await simulation.read(everything=True)
    new = NewScheme.model_validate(
        {"name": "other", "first_month": "2030-01", "terms": OTHER_TERMS, "source": "the test"}
    )
    last = FIRST.plus(MONTHS - 1)
    async with services.payment.begin() as session:
        other = await schemes.propose(session, new, by=new_id(), settings=services.settings)
        of_the_test = (await schemes.approved(session))[0]
        asked = [
            await comparisons.ask(
                session, scheme_id=id_, first=FIRST, month_count=MONTHS, by=new_id()
            )
            for id_ in (of_the_test.id, other.id)
        ]
    while await Comparer(batch=3).run(services.payment):
        pass  # a busy machine does not come to the end of it in one turn

    known_on = simulation.now.date()
    wanted = earned(world, through=last, known_on=known_on)
    in_other = earned(replace(world, scheme=OTHER), through=last, known_on=known_on)
    for comparison, would_be in zip(asked, (wanted, in_other), strict=True):
        found = await read_comparison(services, comparison.id)
        assert found == {
            who: (floor(wanted[who]), floor(would_be[who])) for who in wanted if wanted[who]
        }, seed


async def read_comparison(services: Services, comparison_id: UUID) -> dict[UUID, tuple[int, int]]:
    async with services.payment.read() as session:
        rows = await session.scalars(
            select(ComparedBeneficiary).where(ComparedBeneficiary.comparison_id == comparison_id)
        )
        return {each.beneficiary_id: (each.actual, each.would_be) for each in rows}


@pytest.mark.soak
@pytest.mark.parametrize(("seed", "punctual"), [(0, True), (1, False)])
async def test_no_statement_of_half_a_year_differs(
    services: Services, seed: int, punctual: bool
) -> None:
    await compare(services, f"half a year {seed}", punctual=punctual)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
@pytest.mark.parametrize("punctual", [True, False])
async def test_no_statement_of_many_half_years_differs(
    services: Services, seed: int, punctual: bool
) -> None:
    await compare(services, f"half a year {seed}", punctual=punctual)
