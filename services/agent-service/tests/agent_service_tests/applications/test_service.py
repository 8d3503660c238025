import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents.models import Agent
from agent_service.agents.rules import AgentStatus
from agent_service.agreements.schemas import NewAgreement
from agent_service.applications import service
from agent_service.applications.models import Application
from agent_service.applications.rules import (
    ApplicationOpen,
    ApplicationStatus,
    ApplicationStatusConflict,
)
from agent_service.applications.schemas import NewApplication, NewApproval, NewRejection
from agent_service.branches import service as branches
from agent_service.branches.schemas import NewBranch
from agent_service.exams.schemas import NewExam
from agent_service.requirements import service as requirements
from agent_service.requirements.rules import Citizenship, Finding, RequirementOutcome
from agent_service.settings import Settings
from agent_service.trainings.schemas import NewTraining
from agent_service.wadahs import service as wadahs
from agent_service.wadahs.models import Wadah
from agent_service.wadahs.rules import WadahKind
from agent_service.wadahs.schemas import NewWadah
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls

pytestmark = pytest.mark.race

OFFICER = Principal(
    account_id=new_id(),
    roles=frozenset({Role.BRANCH_OFFICER, Role.ADMIN}),
    scope=Scope(ScopeKind.BRANCH, "BWI", "JATIM"),
)

APPROVER = replace(OFFICER, account_id=new_id())


def applicant() -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(), amr=("otp",), device_id="device-1")


@pytest.fixture
async def own(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("agent").app, keyring=keyring, pool_size=10)
    yield database
    await database.dispose()


@pytest.fixture
def settings(make_settings: Callable[..., Settings], shared_urls: Urls) -> Settings:
    return make_settings(
        Settings, shared_urls, member_url="http://member", payment_url="http://payment"
    )


async def make_wadah(session: AsyncSession, settings: Settings) -> UUID:
    branch = NewBranch(code="BWI", name="Banyuwangi", region_code="JATIM")
    await branches.open_branch(session, branch, by=OFFICER)
    today = clock.today()
    agreement = NewAgreement(number="1", starts_on=today, ends_on=today + timedelta(days=9))
    new = NewWadah(
        name="Paguyuban",
        kind=WadahKind.ASSOCIATION,
        legal_entity=False,
        branch_code="BWI",
        agreement=agreement,
    )
    made = await wadahs.register(session, new, by=OFFICER, settings=settings)
    return made.wadah.id


def new_application(wadah_id: UUID, *, serial: int = 1) -> NewApplication:
    return NewApplication(
        wadah_id=wadah_id,
        nik=f"351011120390{serial:04}",
        full_name="Siti Aminah",
        citizenship=Citizenship.WNI,
        bank_code="009",
        account_no="1234567890",
        account_holder_name="Siti Aminah",
        device_description="Android 14",
        not_bpjs_employee=True,
    )


async def make_ready(
    session: AsyncSession, wadah_id: UUID, settings: Settings, keyring: Keyring, *, serial: int = 1
) -> UUID:
    """Make an application that lacks only its approval."""
    new = new_application(wadah_id, serial=serial)
    made = await service.apply(session, new, by=applicant(), keyring=keyring, settings=settings)
    application = await session.get_one(Application, made.application.id)
    application.member_id = new_id()
    met = [Finding(name, RequirementOutcome.MET) for name in ("membership", "own_account")]
    await requirements.record(session, application.id, met, by_id=OFFICER.account_id)
    service.change_status(session, application, ApplicationStatus.VERIFIED, by=OFFICER)
    today = clock.today()
    training = NewTraining(completed_on=today, certificate_no="S/1")
    await service.record_training(session, application.id, training, by=OFFICER, settings=settings)
    exam = NewExam(taken_on=today, passed=True)
    await service.record_exam(session, application.id, exam, by=OFFICER, settings=settings)
    return application.id


async def outcomes(*tasks: Any) -> Counter[str]:
    """Run all at once; count the outcomes: `done`, or the code of the refusal."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    ended: Counter[str] = Counter()
    for result in results:
        if isinstance(result, DomainError):
            ended[result.code] += 1
        elif isinstance(result, BaseException):
            raise result
        else:
            ended["done"] += 1
    return ended


async def test_two_applications_with_one_nik_at_once_are_one(
    own: Database, settings: Settings, keyring: Keyring
) -> None:
    async with own.begin() as session:
        wadah_id = await make_wadah(session, settings)

    async def apply() -> None:
        async with own.begin() as session:
            new = new_application(wadah_id)
            await service.apply(session, new, by=applicant(), keyring=keyring, settings=settings)

    ended = await outcomes(*(apply() for _ in range(6)))

    assert ended == {"done": 1, ApplicationOpen.code: 5}
    async with own.read() as session:
        assert await session.scalar(select(func.count()).select_from(Application)) == 1


async def test_two_applications_of_one_account_at_once_are_one(
    own: Database, settings: Settings, keyring: Keyring
) -> None:
    async with own.begin() as session:
        wadah_id = await make_wadah(session, settings)
    by = applicant()

    async def apply(serial: int) -> None:
        async with own.begin() as session:
            new = new_application(wadah_id, serial=serial)
            await service.apply(session, new, by=by, keyring=keyring, settings=settings)

    ended = await outcomes(*(apply(serial) for serial in range(1, 7)))

    assert ended == {"done": 1, ApplicationOpen.code: 5}


async def test_two_approvals_at_once_make_one_agent(
    own: Database, settings: Settings, keyring: Keyring
) -> None:
    async with own.begin() as session:
        wadah_id = await make_wadah(session, settings)
        application_id = await make_ready(session, wadah_id, settings, keyring)

    async def approve() -> None:
        async with own.begin() as session:
            await service.approve(
                session,
                application_id,
                NewApproval(),
                by=APPROVER,
                keyring=keyring,
                settings=settings,
            )

    ended = await outcomes(*(approve() for _ in range(6)))

    assert ended == {"done": 1, ApplicationStatusConflict.code: 5}
    async with own.read() as session:
        assert await session.scalar(select(func.count()).select_from(Agent)) == 1
        assert (await session.get_one(Wadah, wadah_id)).agent_count == 1
        activated = select(func.count()).where(EventRow.type == "agent.activated.v1")
        assert await session.scalar(activated) == 1


async def test_an_approval_and_a_rejection_at_once_agree_on_one(
    own: Database, settings: Settings, keyring: Keyring
) -> None:
    async with own.begin() as session:
        wadah_id = await make_wadah(session, settings)
        application_id = await make_ready(session, wadah_id, settings, keyring)
    rejection = NewRejection.model_validate({"reason_code": "other", "reason": "No"})

    async def approve() -> None:
        async with own.begin() as session:
            await service.approve(
                session,
                application_id,
                NewApproval(),
                by=APPROVER,
                keyring=keyring,
                settings=settings,
            )

    async def reject() -> None:
        async with own.begin() as session:
            await service.reject(session, application_id, rejection, by=OFFICER, settings=settings)

    ended = await outcomes(approve(), reject(), approve(), reject())

    assert ended == {"done": 1, ApplicationStatusConflict.code: 3}
    async with own.read() as session:
        status = (await session.get_one(Application, application_id)).status
        agents = await session.scalar(select(func.count()).select_from(Agent))
    assert agents == (1 if status == "active" else 0)


async def test_agents_of_one_wadah_approved_at_once_are_all_counted(
    own: Database, settings: Settings, keyring: Keyring
) -> None:
    async with own.begin() as session:
        wadah_id = await make_wadah(session, settings)
        ready = [
            await make_ready(session, wadah_id, settings, keyring, serial=serial)
            for serial in range(1, 7)
        ]

    async def approve(application_id: UUID) -> None:
        async with own.begin() as session:
            await service.approve(
                session,
                application_id,
                NewApproval(),
                by=APPROVER,
                keyring=keyring,
                settings=settings,
            )

    ended = await outcomes(*(approve(application_id) for application_id in ready))

    assert ended == {"done": 6}
    async with own.read() as session:
        active = select(func.count()).where(Agent.status == AgentStatus.ACTIVE)
        assert await session.scalar(active) == 6
        assert (await session.get_one(Wadah, wadah_id)).agent_count == 6
        codes = (await session.scalars(select(Agent.agent_code))).all()
    assert len(set(codes)) == 6
