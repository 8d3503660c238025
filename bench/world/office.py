"""The models' branch, wadah and agents, made by agent-service."""

from datetime import date, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents.models import Agent
from agent_service.agreements.schemas import NewAgreement
from agent_service.applications import service as applications
from agent_service.applications.rules import ApplicationStatus
from agent_service.applications.schemas import NewApplication, NewApproval
from agent_service.branches import service as branches
from agent_service.branches.schemas import NewBranch
from agent_service.exams.schemas import NewExam
from agent_service.requirements import service as requirements
from agent_service.requirements.rules import Finding, Requirement, RequirementOutcome
from agent_service.settings import Settings
from agent_service.trainings.schemas import NewTraining
from agent_service.wadahs import service as wadahs
from agent_service.wadahs.rules import WadahKind
from agent_service.wadahs.schemas import NewWadah
from bench.world.plan import MODEL_BRANCH, MODEL_REGION, Model
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring

SCOPE = Scope(ScopeKind.BRANCH, MODEL_BRANCH, MODEL_REGION)
OFFICER, APPROVER, ADMIN, PAYMENT = (
    Principal(account_id=uuid5(NAMESPACE_URL, name), roles=frozenset(roles), **more)
    for name, roles, more in (
        ("officer", {Role.BRANCH_OFFICER, Role.FINANCE_OFFICER}, {"scope": SCOPE}),
        ("approver", {Role.BRANCH_OFFICER}, {"scope": SCOPE}),
        ("admin", {Role.ADMIN}, {}),
        ("payment", {Role.SERVICE}, {"client_id": "payment-service"}),
    )
)
"""The same in every copy."""


class Office:
    """agent-service with one branch of one wadah."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring
        self._settings = Settings.model_construct()

    async def open(self, today: date) -> None:
        async with self._database.begin() as session:
            new = NewBranch(code=MODEL_BRANCH, name="Kantor Cabang", region_code=MODEL_REGION)
            await branches.open_branch(session, new, by=ADMIN)
            wadah = NewWadah(
                name="Rukun Nelayan",
                kind=WadahKind.ASSOCIATION,
                legal_entity=False,
                branch_code=MODEL_BRANCH,
                agreement=_agreement(today),
            )
            described = await wadahs.register(session, wadah, by=OFFICER, settings=self._settings)
            self._wadah_id = described.wadah.id

    async def sign_agreement(self, today: date) -> None:
        async with self._database.begin() as session:
            await wadahs.add_agreement(
                session,
                self._wadah_id,
                _agreement(today),
                by=OFFICER,
                settings=self._settings,
            )

    async def appoint(self, model: Model, member_id: UUID, *, today: date) -> Principal:
        """Let a member become an agent. What other services would answer is put down as met."""
        person = model.person
        applicant = Principal(
            account_id=new_id(),
            roles=frozenset({Role.MEMBER}),
            member_id=member_id,
            amr=("otp",),
            device_id=f"device-{model.place}",
        )
        new = NewApplication(
            wadah_id=self._wadah_id,
            nik=person.nik,
            birth_date=person.birth_date,
            full_name=person.full_name,
            citizenship="wni",
            bank_code="999",
            account_no=f"{10**9 + model.place}",
            account_holder_name=person.full_name,
            device_description="Android telephone",
            not_bpjs_employee=True,
        )
        async with self._database.begin() as session:
            agent = await self._approve(session, new, applicant, today=today)
        return Principal(
            account_id=agent.account_id,
            roles=frozenset({Role.AGENT}),
            agent_id=agent.id,
            wadah_id=self._wadah_id,
            scope=SCOPE,
        )

    async def _approve(
        self,
        session: AsyncSession,
        new: NewApplication,
        applicant: Principal,
        *,
        today: date,
    ) -> Agent:
        settings = self._settings
        described = await applications.apply(
            session, new, by=applicant, keyring=self._keyring, settings=settings
        )
        application = described.application
        application.member_id = applicant.member_id
        met = [
            Finding(each.value, RequirementOutcome.MET)
            for each in (Requirement.MEMBERSHIP, Requirement.OWN_ACCOUNT)
        ]
        local = await applications.judge(session, application, settings=settings)
        await requirements.record(session, application.id, [*met, *local], by_id=OFFICER.account_id)
        applications.change_status(
            session, application, ApplicationStatus.VERIFIED, by=OFFICER, reason_code="verification"
        )
        training = NewTraining(completed_on=today, certificate_no="S-1")
        await applications.record_training(
            session, application.id, training, by=OFFICER, settings=settings
        )
        exam = NewExam(taken_on=today, passed=True, score=80)
        await applications.record_exam(session, application.id, exam, by=OFFICER, settings=settings)
        approved = await applications.approve(
            session,
            application.id,
            NewApproval(),
            by=APPROVER,
            keyring=self._keyring,
            settings=settings,
        )
        assert approved.agent_id is not None
        agent = await session.get(Agent, approved.agent_id)
        assert agent is not None
        return agent


def _agreement(today: date) -> NewAgreement:
    # The longest that is allowed: each year has its own.
    return NewAgreement(
        number=f"PKS/{today:%Y/%m}", starts_on=today, ends_on=today + timedelta(days=364)
    )
