"""Acquisition bonus that is held, released or refused, in any order with closings."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payment_service_tests.incentive_statements.oracle import Oracle
from payment_service_tests.incentive_statements.small_scheme import THRESHOLD, add_scheme, earned
from payment_service_tests.village import Village, apply_events, book, compute, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service as reviews
from payment_service.bonus_reviews.models import BonusReview
from payment_service.bonus_reviews.rules import RefusalVerdict
from payment_service.bonus_reviews.tasks import ReviewTasks
from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import EarningsAsked
from payment_service.own_incentives import service as own_incentives
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberRiskFlagged, PaymentSettled
from perisai_kit.testing.plugin import BusinessTime, Tokens

REVIEWS = "/v1/bonus-reviews"
ORDERS = 200 if settings.get_current_profile_name() == "soak" else 2
NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
BRANCH = {"kind": ScopeKind.BRANCH, "code": "BWI", "region": "JTM"}
TASKS = ReviewTasks(review_from=3)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Officer = Callable[[], dict[str, str]]
OFFICER = Principal(
    account_id=new_id(),
    roles=frozenset({Role.FINANCE_OFFICER}),
    scope=Scope(kind=ScopeKind.COUNTRY),
)


def agent_of(village: Village) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset({Role.AGENT}), agent_id=village.agent_id)


@pytest.fixture
def officer(tokens: Tokens) -> Officer:
    """Another officer of the branch each time."""
    return lambda: tokens.make(Role.BRANCH_OFFICER, scope=BRANCH, account_id=new_id())


def keyed(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": str(new_id())}


def flag(
    village: Village, payment: PaymentSettled, name: str = "shared_phone"
) -> MemberRiskFlagged:
    return MemberRiskFlagged(
        member_id=payment.member_id,
        allocation_id=payment.allocation_id,
        agent_id=village.agent_id,
        flag=name,
        counts_at=payment.counts_at,
    )


async def learn(session: AsyncSession, flags: Sequence[MemberRiskFlagged]) -> None:
    await TASKS.on_members_flagged(session, flags)
    await compute(session)


async def amounts(session: AsyncSession, beneficiary_id: UUID) -> list[int]:
    rows = select(Statement.amount).where(Statement.beneficiary_id == beneficiary_id)
    return list((await session.scalars(rows.order_by(Statement.id))).all())


async def reasons(session: AsyncSession) -> set[str | None]:
    taken_back = select(CommissionLine.reason).where(CommissionLine.base < 0)
    return set((await session.scalars(taken_back)).all())


async def list_reviews(
    client: httpx.AsyncClient, headers: dict[str, str], **asked: str
) -> list[dict[str, Any]]:
    answer = await client.get(REVIEWS, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def post(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None
) -> httpx.Response:
    return await client.post(f"{REVIEWS}{path}", json=body, headers=keyed(headers))


async def test_thirty_on_one_telephone_earn_contributions_and_no_bonus_until_it_is_released(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
    business_time: BusinessTime,
) -> None:
    business_time.at(noon(NOVEMBER, 29))
    village = Village()
    payments = village.enrol(30, NOVEMBER)
    await tell(village)
    await learn(session, [flag(village, each) for each in payments])
    asked = EarningsAsked(agent_id=village.agent_id, month=NOVEMBER)
    preview = await statements.preview(session, OFFICER, asked, scheme_id=None)
    own = await own_incentives.read(session, agent_of(village))
    await close(NOVEMBER)
    (review,) = await list_reviews(client, officer(), status="open")

    released = await post(client, f"/{review['id']}/release", officer())
    await compute(session)
    await close(DECEMBER)

    assert (preview.amount, preview.bonus_review) == (30 * 5_520, "open")
    assert preview.held_parts == 30 * 15_000 * 10_000
    assert own.progress is not None
    assert (own.due.amount, own.progress.bonus_review) == (30 * 5_520, "open")
    assert (review["flagged_count"], review["steps"][0]["taken_by"]) == (30, None)
    assert released.json()["status"] == "released"
    assert await reasons(session) == {"bonus_held"}
    assert await amounts(session, village.agent_id) == [30 * 5_520, 30 * 15_000]
    assert await amounts(session, village.wadah_id) == [3 * 5_520, 3 * 15_000]
    assert await faults(session) == []


async def test_reviews_are_found_among_more_agents_than_a_statement_has_parameters(
    session: AsyncSession, tell: Tell
) -> None:
    village = Village()
    await tell(village)
    await learn(session, [flag(village, each) for each in village.enrol(30, NOVEMBER)])
    asked = {(new_id(), NOVEMBER) for _ in range(40_000)}

    found = await reviews.find_statuses(session, {*asked, (village.agent_id, NOVEMBER)})
    other = await reviews.find_statuses(session, {*asked, (village.agent_id, DECEMBER)})

    assert found == {(village.agent_id, NOVEMBER): "open"}
    assert other == {}


async def test_what_is_held_before_it_was_computed_is_not_booked(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    payments = village.enrol(30, NOVEMBER)
    await learn(session, [flag(village, each) for each in payments[:3]])

    await tell(village)
    await close(NOVEMBER)

    assert await reasons(session) == set()
    assert await amounts(session, village.agent_id) == [30 * 5_520]


async def test_a_refusal_by_two_officers_leaves_the_bonus_away(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = Village()
    payments = village.enrol(30, NOVEMBER)
    await tell(village)
    await learn(session, [flag(village, each) for each in payments[:3]])
    (review,) = await list_reviews(client, officer())
    first, second = officer(), officer()
    path, confirm = f"/{review['id']}/refusal", {"verdict": "confirmed"}

    early = await post(client, f"{path}/decision", second, confirm)
    proposed = await post(client, path, first)
    again = await post(client, path, second)
    own = await post(client, f"{path}/decision", first, confirm)
    own_release = await post(client, f"/{review['id']}/release", first)
    confirmed = await post(client, f"{path}/decision", second, confirm)
    late = await post(client, f"/{review['id']}/release", officer())
    await compute(session)
    await close(NOVEMBER)
    await close(DECEMBER)

    assert proposed.json()["status"] == "refusal_proposed"
    assert confirmed.json()["status"] == "refused"
    refused = [
        (each.status_code, each.json()["code"]) for each in (early, again, own, own_release, late)
    ]
    assert refused == [
        (409, "refusal_not_proposed"),
        (409, "refusal_proposed"),
        (403, "own_refusal"),
        (403, "own_refusal"),
        (409, "bonus_review_decided"),
    ]
    steps = [each["step"] for each in confirmed.json()["steps"]]
    assert steps == ["opened", "refusal_proposed", "refusal_confirmed"]
    assert await amounts(session, village.agent_id) == [30 * 5_520]
    assert await faults(session) == []


async def test_a_rejected_refusal_leaves_the_review_open(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, tell: Tell
) -> None:
    village = Village()
    payments = village.enrol(3, NOVEMBER)
    await tell(village)
    await learn(session, [flag(village, each) for each in payments])
    (review,) = await list_reviews(client, officer())
    await post(client, f"/{review['id']}/refusal", officer())

    rejected = await post(
        client, f"/{review['id']}/refusal/decision", officer(), {"verdict": "rejected"}
    )

    assert rejected.json()["status"] == "open"


async def test_fewer_flagged_acquisitions_hold_nothing_however_many_flags_they_have(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    await tell(village)
    names = ("shared_phone", "shared_address")
    await learn(session, [flag(village, each, name) for each in payments[:2] for name in names])
    await close(NOVEMBER)

    assert await amounts(session, village.agent_id) == [513_000]


async def test_flags_after_the_closing_open_no_review_but_an_officer_may(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    tell: Tell,
    close: Close,
    faults: Faults,
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    await learn(session, [flag(village, each) for each in payments])
    before = await list_reviews(client, officer())
    body = {"agent_id": str(village.agent_id), "month": str(NOVEMBER)}

    opened = await post(client, "", officer(), body)
    again = await post(client, "", officer(), body)
    await compute(session)
    await close(DECEMBER)
    await post(client, f"/{opened.json()['id']}/release", officer())
    await compute(session)
    await close(JANUARY)

    assert before == []
    assert (opened.status_code, len(opened.json()["flags"])) == (201, 25)
    assert (again.status_code, again.json()["code"]) == (409, "bonus_under_review")
    assert await amounts(session, village.agent_id) == [513_000, -375_000, 375_000]
    assert await faults(session) == []


async def test_a_released_month_is_not_held_again_by_itself(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, tell: Tell
) -> None:
    village = Village()
    payments = village.enrol(25, NOVEMBER)
    await tell(village)
    await learn(session, [flag(village, each) for each in payments[:3]])
    (review,) = await list_reviews(client, officer())
    await post(client, f"/{review['id']}/release", officer())

    await learn(session, [flag(village, each) for each in payments[3:]])

    assert [each["status"] for each in await list_reviews(client, officer())] == ["released"]


async def test_officers_decide_within_their_scope(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, tokens: Tokens, tell: Tell
) -> None:
    village = Village()
    payments = village.enrol(3, NOVEMBER)
    await tell(village)
    await learn(session, [flag(village, each) for each in payments])
    (review,) = await list_reviews(client, officer())
    elsewhere = {"kind": ScopeKind.BRANCH, "code": "MKS", "region": "SUL"}
    far = tokens.make(Role.FINANCE_OFFICER, scope=elsewhere)

    refused = await post(client, f"/{review['id']}/release", far)
    unknown = await post(client, "", far, {"agent_id": review["agent_id"], "month": "2025-12"})

    assert await list_reviews(client, far) == []
    assert (refused.status_code, refused.json()["code"]) == (404, "bonus_review_not_found")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "beneficiary_not_found")


@given(
    order=st.permutations(range(13)),
    closings=st.lists(st.integers(0, 13), min_size=2, max_size=2).map(sorted),
    ending=st.sampled_from(["open", "released", "refused"]),
)
@settings(
    max_examples=ORDERS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_order_of_facts_decisions_and_closings_changes_a_total(
    session: AsyncSession,
    close: Close,
    faults: Faults,
    order: list[int],
    closings: list[int],
    ending: str,
) -> None:
    village, other = Village(), Village()
    payments = village.enrol(5, NOVEMBER)
    foreign = other.enrol(4, NOVEMBER)
    oracle = Oracle(THRESHOLD)
    extends = {each.allocation_id: each for each in (*village.answered, *other.answered)}
    arrivals: list[Any] = [[each, extends[each.allocation_id]] for each in (*payments, *foreign)]
    arrivals.append([village.decline(payments[4])])
    for event in [*village.decided, *other.decided, *(e for each in arrivals for e in each)]:
        oracle.hear(event)

    async with session.begin_nested() as savepoint:
        await add_scheme(session)
        await book(session, [*village.settled, *other.settled])
        await apply_events(session, [*village.decided, *other.decided])
        steps = [*arrivals, "open", "decide", "flags"]
        to_close = [NOVEMBER, DECEMBER, JANUARY]
        for place, index in enumerate(order):
            for _ in range(closings.count(place)):
                await compute(session)
                await close(to_close.pop(0))
            await take(session, steps[index], village, ending)
            await compute(session)
        for month in to_close:
            await close(month)

        if ending != "released":
            oracle.held.add((village.agent_id, str(NOVEMBER)))
        assert await earned(session) == oracle.earned()
        assert await faults(session) == []
        await savepoint.rollback()


async def take(session: AsyncSession, step: Any, village: Village, ending: str) -> None:
    """Take a step: a decision on the review, flags, or events that arrive."""
    match step:
        case "open":
            await hold(session, village)
        case "decide":
            await hold(session, village)
            await decide(session, ending)
        case "flags":
            flags = [flag(village, each) for each in village.settled]
            await TASKS.on_members_flagged(session, flags)
        case _:
            await apply_events(session, step)


async def hold(session: AsyncSession, village: Village) -> None:
    """Open a review, by flags if the month is open, or else by an officer."""
    unknown = [
        MemberRiskFlagged(
            member_id=new_id(),
            allocation_id=new_id(),
            agent_id=village.agent_id,
            flag="same_batch",
            counts_at=village.settled[0].counts_at,
        )
        for _ in range(3)
    ]
    await TASKS.on_members_flagged(session, unknown)
    if await reviews.find_status(session, village.agent_id, NOVEMBER) is None:
        await reviews.open_review(session, OFFICER, agent_id=village.agent_id, month=NOVEMBER)


async def decide(session: AsyncSession, ending: str) -> None:
    """Bring the review to an ending, by two officers where it is refused."""
    review_id = (await session.scalars(select(BonusReview.id))).one()
    if ending == "released":
        await reviews.release(session, OFFICER, review_id)
    elif ending == "refused":
        await reviews.propose_refusal(session, OFFICER, review_id)
        another = Principal(
            account_id=new_id(), roles=OFFICER.roles, scope=Scope(kind=ScopeKind.COUNTRY)
        )
        await reviews.decide_refusal(session, another, review_id, verdict=RefusalVerdict.CONFIRMED)
