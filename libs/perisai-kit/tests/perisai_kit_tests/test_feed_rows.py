from datetime import UTC, datetime

import pytest
from sqlalchemy import Select, Uuid, cast, literal, select, union_all

from perisai_kit.db.engine import PUBLISHED, Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberUpdated, StatementIssued
from perisai_kit.events.outbox import EventRow, publish_rows
from perisai_kit.testing.feeds import list_published


def query_of(events: list[StatementIssued]) -> Select[tuple[object, ...]]:
    """Return a query whose rows are these facts."""
    rows = [
        select(
            *(cast(value, Uuid).label(name) for name, value in event if name.endswith("_id")),
            literal(event.beneficiary_kind).label("beneficiary_kind"),
            literal(str(event.month)).label("month"),
            literal(event.amount).label("amount"),
            literal(event.payable).label("payable"),
            literal(event.is_held).label("is_held"),
            literal(event.issued_at).label("issued_at"),
        )
        for event in events
    ]
    return select(union_all(*rows).subquery())


def issued(amount: int) -> StatementIssued:
    return StatementIssued(
        statement_id=new_id(),
        beneficiary_kind="agent",
        beneficiary_id=new_id(),
        wadah_id=new_id(),
        month=Month(2026, 11),
        amount=amount,
        payable=amount,
        is_held=False,
        issued_at=datetime(2026, 12, 1, 5, 0, 0, 123_456, tzinfo=UTC),
    )


async def test_a_query_becomes_an_event_a_row(kit_database: Database) -> None:
    events = [issued(amount) for amount in (1, 0, 2**53)]

    async with kit_database.begin() as session:
        await publish_rows(session, StatementIssued, query_of(events))
        is_marked = session.info[PUBLISHED]

    async with kit_database.read() as session:
        rows = (await session.scalars(select(EventRow))).all()
        assert await list_published(session) == events
    assert {row.subject for row in rows} == {str(event.beneficiary_id) for event in events}
    assert len({row.id for row in rows}) == 3
    assert {row.id.version for row in rows} == {7}
    assert is_marked is True


async def test_a_query_without_every_field_is_a_mistake(kit_database: Database) -> None:
    async with kit_database.begin() as session:
        with pytest.raises(AssertionError, match="every field"):
            await publish_rows(session, MemberUpdated, query_of([issued(1)]))

        assert await list_published(session) == []
