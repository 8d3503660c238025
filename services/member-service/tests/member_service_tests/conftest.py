"""Shared fixtures of member-service: its app, its subjects, and filled forms."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.app import app_of
from member_service.enrolments import service as enrolments
from member_service.enrolments.schemas import NewMember
from member_service.members.models import Member
from member_service.members.rules import Limits
from member_service.settings import Settings
from member_service.tables import MIGRATIONS
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_kit
from perisai_kit.testing.network import Tokens, Wire
from perisai_kit.testing.plugin import Databases, MakeApp, Urls, open_app_client

BRANCH = Scope(ScopeKind.BRANCH, "banyuwangi", "jatim")
serials = itertools.count(1)


@pytest.fixture(scope="session")
def shared_urls(databases: Databases) -> Urls:
    return databases.shared("member")


@pytest.fixture
def limits() -> Limits:
    return Limits(
        min_age=15,
        min_declared_income=1_000_000,
        members_per_phone=50,
        members_per_phone_and_agent=30,
        shared_phone_from=6,
        known_niks_a_day=100,
    )


@pytest.fixture
def make_app(make_settings: Callable[..., Settings], shared_urls: Urls) -> MakeApp:
    """Build the app: on the test's own transaction, or with `urls` on a database of its own."""

    def make(
        *,
        database: Database | None = None,
        wire: Wire | None = None,
        urls: Urls | None = None,
        **more: Any,
    ) -> FastAPI:
        settings = make_settings(
            Settings,
            urls or shared_urls,
            agent_url="http://agent",
            payment_url="http://payment",
            **more,
        )
        kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire, database=database)
        return app_of(kit, settings)

    return make


@dataclass(frozen=True)
class Subject:
    """A signed-in subject: the principal for services, and the headers of a client."""

    principal: Principal
    headers: dict[str, str] = field(repr=False)

    def keyed(self, key: str | None = None) -> dict[str, str]:
        """Return the headers of a request with an Idempotency-Key."""
        return {**self.headers, "Idempotency-Key": key or str(new_id())}


MakeSubject = Callable[..., Subject]


@pytest.fixture
def make_subject(tokens: Tokens) -> MakeSubject:
    """Sign a subject in: `make_subject(Role.AGENT, agent_id=…)`."""

    def make(*roles: Role, **more: Any) -> Subject:
        account_id = more.pop("account_id", None) or new_id()
        principal = Principal(account_id=account_id, roles=frozenset(roles), **more)
        return Subject(principal, tokens.make(*roles, account_id=account_id, **more))

    return make


@pytest.fixture
def make_agent(make_subject: MakeSubject) -> MakeSubject:
    """Sign an agent in, by default of the branch Banyuwangi."""

    def make(**more: Any) -> Subject:
        usual = {"agent_id": new_id(), "wadah_id": new_id(), "scope": BRANCH}
        return make_subject(Role.AGENT, **{**usual, **more})

    return make


@pytest.fixture
def agent(make_agent: MakeSubject) -> Subject:
    return make_agent()


@pytest.fixture
def officer(make_subject: MakeSubject) -> Subject:
    return make_subject(Role.BRANCH_OFFICER, scope=BRANCH)


@pytest.fixture
def payment_service(make_subject: MakeSubject) -> Subject:
    return make_subject(Role.SERVICE, client_id="payment-service")


MakeForm = Callable[..., dict[str, Any]]


@pytest.fixture
def form() -> MakeForm:
    """Fill in the form of a fisher with a new NIK, then apply the differences."""

    def fill(**differences: Any) -> dict[str, Any]:
        serial = next(serials)
        usual: dict[str, Any] = {
            "id": str(new_id()),
            "nik": f"351011120390{serial:04}",
            "full_name": "Slamet Riyadi",
            "birth_date": "1990-03-12",
            "place_of_birth": "Banyuwangi",
            "sex": "male",
            "phone": f"0812{serial:08}",
            "address": {"street": "Jalan Ikan 3", "village": "Kalibaru", "district": "Kalibaru"},
            "occupations": ["fisher"],
            "declared_income": 1_000_000,
            "programmes": ["jkk", "jkm", "jht"],
            "work_declaration": {"working": True, "declared_on": str(clock.today())},
            "consent": {"purpose_version": "2025-1", "given_at": "2025-01-02T08:00:00+07:00"},
            "new_to_bpu": True,
            "new_to_bpu_basis": "member_statement",
        }
        filled = {**usual, **differences}
        return {name: value for name, value in filled.items() if value is not ...}

    return fill


Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
def enrol(form: MakeForm, agent: Subject, limits: Limits, keyring: Keyring) -> Enrol:
    """Register a member, by the usual agent by default."""

    async def make(
        session: AsyncSession, *, by: Subject | None = None, **differences: Any
    ) -> Member:
        principal = (by or agent).principal
        desk = enrolments.make_desk(principal, limits=limits, keyring=keyring)
        new = NewMember.model_validate(form(**differences))
        return await enrolments.enrol(session, form=new, desk=desk, principal=principal)

    return make


Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
def published() -> Published:
    """Read the events of this transaction, in order: (type, data)."""

    async def read(session: AsyncSession) -> list[tuple[str, dict[str, Any]]]:
        rows = (await session.scalars(select(EventRow).order_by(EventRow.seq))).all()
        return [(row.type, row.data) for row in rows]

    return read


@pytest.fixture
async def own_client(
    own_database: Callable[[str], Urls], make_app: MakeApp, wire: Wire
) -> AsyncIterator[httpx.AsyncClient]:
    """A client on a database of this test's own, with real commits."""
    async with open_app_client(make_app(urls=own_database("member"), wire=wire)) as client:
        yield client
