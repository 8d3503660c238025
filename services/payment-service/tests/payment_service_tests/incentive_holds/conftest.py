"""Officers who decide on what is held, and agents whose incentives are stated or held."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import pytest
from payment_service_tests.beginnings import Close, Live, Tell
from payment_service_tests.village import Village, apply_events, compute, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.statement_holds.tasks import on_agents_dismissed
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AgentDismissed, WadahAgreementSigned
from perisai_kit.testing.plugin import Step, Tokens

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
MakeStep = Callable[[Live], Step]


@pytest.fixture
def officer(tokens: Tokens) -> Callable[[], dict[str, str]]:
    """Another finance officer of the country each time."""
    country = {"kind": ScopeKind.COUNTRY}
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())


def with_agreement(village: Village) -> Village:
    """Give the wadah an agreement, so that nothing of it is held."""
    days = {"starts_on": date(2025, 1, 1), "ends_on": date(2026, 12, 31)}
    village.decided.append(
        WadahAgreementSigned(wadah_id=village.wadah_id, agreement_id=new_id(), **days)
    )
    return village


async def dismiss(
    session: AsyncSession, village: Village, at: datetime, reason: str = "fraud"
) -> AgentDismissed:
    """Let both subscriptions read that the agent was dismissed."""
    event = AgentDismissed(
        agent_id=village.agent_id, account_id=new_id(), reason_code=reason, decided_at=at
    )
    await apply_events(session, [event])
    await on_agents_dismissed(session, [event])
    await compute(session)
    return event


async def state(tell: Tell, close: Close, _: AsyncSession) -> Village:
    village = with_agreement(Village())
    village.pay(NOVEMBER, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)
    return village


async def book_and_dismiss(tell: Tell, close: Close, session: AsyncSession) -> Village:
    village = await state(tell, close, session)
    village.pay(DECEMBER, is_acquisition=False)
    await tell(village)
    await dismiss(session, village, noon(DECEMBER, 20))
    return village


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """An agent whose November is stated, or one who is dismissed, if a test asks for one."""
    if "dismissed" in request.fixturenames:
        return [make_step(book_and_dismiss)]
    return [make_step(state)] if "stated" in request.fixturenames else []


@pytest.fixture
def stated(made: Village) -> Village:
    """An agent with 5,520 of November stated."""
    return made


@pytest.fixture
def dismissed(made: Village) -> Village:
    """An agent with 5,520 of November stated and 5,520 of December booked, dismissed for fraud."""
    return made
