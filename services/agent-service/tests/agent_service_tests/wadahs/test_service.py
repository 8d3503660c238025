from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agreements.models import Agreement
from agent_service.agreements.rules import Period
from agent_service.agreements.schemas import NewAgreement
from agent_service.branches import service as branches
from agent_service.branches.schemas import NewBranch
from agent_service.settings import Settings
from agent_service.wadahs import queries, rules, service
from agent_service.wadahs.models import Wadah
from agent_service.wadahs.rules import TerminationReason, WadahKind
from agent_service.wadahs.schemas import NewTermination, NewWadah
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Urls

ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))


@pytest.fixture
def settings(make_settings: Callable[..., Settings], shared_urls: Urls) -> Settings:
    return make_settings(
        Settings, shared_urls, member_url="http://member", payment_url="http://payment"
    )


async def make_wadah(session: AsyncSession, settings: Settings, *periods: Period) -> UUID:
    branch = NewBranch(code="BWI", name="Banyuwangi", region_code="JATIM")
    await branches.open_branch(session, branch, by=ADMIN)
    new = NewWadah(
        name="Paguyuban", kind=WadahKind.ASSOCIATION, legal_entity=False, branch_code="BWI"
    )
    made = await service.register(session, new, by=ADMIN, settings=settings)
    for number, period in enumerate(periods):
        agreement = NewAgreement(
            number=str(number), starts_on=period.starts_on, ends_on=period.ends_on
        )
        await service.add_agreement(session, made.wadah.id, agreement, by=ADMIN, settings=settings)
    return made.wadah.id


@pytest.mark.parametrize("terminated", [False, True])
async def test_the_query_and_the_rule_agree_on_every_day(
    session: AsyncSession, settings: Settings, terminated: bool
) -> None:
    periods = [
        Period(date(2025, 1, 1), date(2025, 3, 31)),
        Period(date(2025, 3, 15), date(2025, 6, 30)),
        Period(date(2025, 8, 1), date(2025, 8, 1)),
    ]
    wadah_id = await make_wadah(session, settings, *periods)
    if terminated:
        new = NewTermination(reason_code=TerminationReason.FRAUD, reason="x")
        await service.terminate(session, wadah_id, new, by=ADMIN, settings=settings)
    status = (await session.get_one(Wadah, wadah_id)).status

    for offset in range(-1, 215):
        day = date(2025, 1, 1) + timedelta(days=offset)
        asked = select(queries.is_in_force(day)).select_from(Wadah).where(Wadah.id == wadah_id)
        active = await session.scalar(asked)

        assert active is (rules.find_inactive_reason(status, periods, day) is None), day


async def test_an_old_agreement_may_run_three_years(
    session: AsyncSession, settings: Settings
) -> None:
    await make_wadah(session, settings, Period(date(2021, 1, 1), date(2023, 12, 31)))

    (agreement,) = (await session.scalars(select(Agreement))).all()
    assert agreement.ends_on == date(2023, 12, 31)


async def test_the_reason_of_a_termination_is_kept_with_who_and_when(
    session: AsyncSession, settings: Settings
) -> None:
    wadah_id = await make_wadah(session, settings)
    new = NewTermination(reason_code=TerminationReason.BELOW_TARGET, reason="Three months")

    found = await service.terminate(session, wadah_id, new, by=ADMIN, settings=settings)

    latest = found.history[0]
    assert (latest.from_status, latest.to_status) == ("registered", "terminated")
    assert (latest.reason_code, latest.reason) == ("below_target", "Three months")
    assert latest.changed_by == ADMIN.account_id
    assert clock.now() - latest.changed_at < timedelta(minutes=5)
