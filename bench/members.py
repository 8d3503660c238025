"""Seed the members of open bills: the service enrols one, and the others are copies of it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from bench.agents import AGENTS, WADAHS
from bench.copies import Copied, multiply
from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.attributions.models import Attribution
from member_service.consents.models import Consent
from member_service.declarations.models import WorkDeclaration
from member_service.enrolments import service as enrolments
from member_service.enrolments.schemas import NewMember
from member_service.enrolments.service import Desk
from member_service.evidence.models import Evidence
from member_service.members.models import Member
from member_service.members.rules import Limits, Stamp
from member_service.search_words.models import SearchWords
from member_service.updates.models import MemberUpdate
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from sandbox.demo.people import member_body, new_adult
from sandbox.seed import BRANCH, REGION

_OF_PERSON = {
    "id": "copies.member_id",
    "nik_hash": "sha256(uuid_send(copies.member_id))",
    # One telephone or address for all would raise risk flags with each payment.
    "phone_hash": "sha256('phone' || uuid_send(copies.member_id))",
    "village": "template.village || ' ' || copies.row",
}
_OF_MEMBER = {"member_id": "copies.member_id"}
_OF_AGENT = {"agent_id": "copies.agent_id", "wadah_id": "copies.wadah_id"}
_AGENT = "jsonb_build_object('agent_id', copies.agent_id, 'wadah_id', copies.wadah_id)"


def _copied(first: UUID) -> tuple[Copied, ...]:
    """Return what a member has; its events say who enrolled the member and who cares for it."""
    return (
        Copied(
            Member,
            "id",
            first,
            _OF_PERSON,
        ),
        Copied(
            Attribution,
            "member_id",
            first,
            {"id": "copies.attribution_id", **_OF_MEMBER, **_OF_AGENT},
        ),
        Copied(
            AttributionPeriodRow,
            "member_id",
            first,
            {"attribution_id": "copies.attribution_id", **_OF_MEMBER, **_OF_AGENT},
        ),
        Copied(Evidence, "member_id", first, {"id": "uuidv7()", **_OF_MEMBER}),
        Copied(
            WorkDeclaration,
            "member_id",
            first,
            # Before the bills, which were issued before the members were seeded.
            {"id": "uuidv7()", "made_at": "template.made_at - interval '1 day'", **_OF_MEMBER},
        ),
        Copied(Consent, "member_id", first, {"id": "uuidv7()", **_OF_MEMBER}),
        Copied(SearchWords, "member_id", first, _OF_MEMBER),
        Copied(MemberUpdate, "member_id", first, _OF_MEMBER),
        Copied(
            EventRow,
            "subject",
            first,
            {
                "id": "uuidv7()",
                "subject": "copies.member_id::text",
                "data": "template.data || jsonb_build_object('member_id', copies.member_id)"
                " || CASE WHEN template.data ? 'periods' THEN jsonb_build_object('periods',"
                f" jsonb_build_array(template.data -> 'periods' -> 0 || {_AGENT}))"
                f" ELSE {_AGENT} END",
            },
            without=("seq",),
        ),
    )


_LIMITS = Limits(
    min_age=15,
    min_declared_income=1_000_000,
    members_per_phone=1,
    members_per_phone_and_agent=1,
    shared_phone_from=2,
    known_niks_a_day=100,
)
# The ids are those of bench/agents.py.
_NAME_COPIES = f"""
    CREATE TEMP TABLE copies AS
    SELECT row, member_id, uuidv7() AS attribution_id,
           md5('agent ' || row % {AGENTS})::uuid AS agent_id,
           md5('wadah ' || row % {WADAHS})::uuid AS wadah_id
    FROM billed ORDER BY row
"""  # noqa: S608 - numbers of ours


async def seed_members(url: str, keyring: Keyring, *, payment_url: str) -> None:
    """Seed the members of all bills of a payment-service database, with attributions.

    url: an empty migrated database of member-service, as its owner.
    """
    database = Database(url, keyring=keyring)
    try:
        async with database.begin() as session:
            now = clock.now()
            form = NewMember.model_validate(member_body(new_adult(clock.today()), at=now))
            desk = Desk(_stamp(now), _LIMITS, keyring)
            first = await enrolments.enrol(
                session, form=form, desk=desk, principal=_agent(desk.stamp)
            )
    finally:
        await database.dispose()
    await _copy(url, keyring, payment_url, first.id)


async def _copy(url: str, keyring: Keyring, payment_url: str, first: UUID) -> None:
    billed = await asyncpg.connect(payment_url)
    try:
        rows = await billed.fetch(
            "SELECT row_number() OVER (ORDER BY id) - 1 AS row, member_id FROM bills ORDER BY row"
        )
    finally:
        await billed.close()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TEMP TABLE billed (row bigint, member_id uuid)")
        await connection.copy_records_to_table("billed", records=[tuple(row) for row in rows])
        await connection.execute(_NAME_COPIES)
        await multiply(connection, _copied(first), keyring=keyring)
    finally:
        await connection.close()


def _stamp(now: datetime) -> Stamp:
    return Stamp(
        account_id=new_id(),
        branch_code=BRANCH["code"],
        region_code=REGION,
        agent_id=new_id(),
        wadah_id=new_id(),
        on=jakarta_date(now),
        at=now,
    )


def _agent(stamp: Stamp) -> Principal:
    return Principal(
        account_id=stamp.account_id,
        roles=frozenset({Role.AGENT}),
        agent_id=stamp.agent_id,
        wadah_id=stamp.wadah_id,
        scope=Scope(ScopeKind.BRANCH, stamp.branch_code, stamp.region_code),
    )
