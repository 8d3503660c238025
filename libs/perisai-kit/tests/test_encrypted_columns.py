"""Encrypted columns and the read audit, against PostgreSQL."""

import os
import uuid

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError, StatementError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database, asyncpg_url
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.columns import EncryptedBytes, EncryptedText, attach
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import ReadAudit, audit_read
from perisai_kit.testing.plugin import Urls

KEY_1, KEY_2, LOOKUP = (os.urandom(32) for _ in range(3))


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(EncryptedText("people.name"))
    scan: Mapped[bytes | None] = mapped_column(EncryptedBytes("people.scan"))


@pytest.fixture
async def people(kit_urls: Urls) -> Urls:
    owner = create_async_engine(asyncpg_url(kit_urls.owner))
    async with owner.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        granted = f"GRANT SELECT, INSERT, UPDATE ON people TO {kit_urls.app_role}"
        await connection.execute(text(granted))
    await owner.dispose()
    return kit_urls


async def test_a_column_is_clear_to_us_and_cipher_in_the_database(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    person_id = new_id()

    async with database.begin() as session:
        session.add(Person(id=person_id, name="Siti Aminah", scan=b"\x00\xff"))
    async with database.read() as session:
        person = await session.get_one(Person, person_id)
        raw = (await session.execute(text("SELECT name, scan FROM people"))).one()

    assert (person.name, person.scan) == ("Siti Aminah", b"\x00\xff")
    assert b"Siti" not in raw.name
    assert raw.name[:4] == b"\x01\x02k1"
    await database.dispose()


async def test_nothing_stays_nothing(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))

    async with database.begin() as session:
        session.add(Person(id=new_id()))
    async with database.read() as session:
        stored = (await session.execute(text("SELECT name, scan FROM people"))).one()
        person = (await session.scalars(select(Person))).one()

    assert tuple(stored) == (None, None)
    assert (person.name, person.scan) == (None, None)
    await database.dispose()


async def test_after_a_rotation_old_rows_are_read_and_written_anew(people: Urls) -> None:
    before = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    rotated = Keyring({"k2": KEY_2, "k1": KEY_1}, LOOKUP)
    after = Database(people.app)
    attach(after.engine, rotated)
    async with before.begin() as session:
        session.add(Person(id=new_id(), name="Siti Aminah"))

    async with after.begin() as session:
        person = (await session.scalars(select(Person))).one()
        name, person.name = person.name, None
        await session.flush()
        person.name = name
    async with after.read() as session:
        raw = await session.scalar(text("SELECT name FROM people"))

    assert name == "Siti Aminah"
    assert not rotated.needs_rotation(raw)
    await before.dispose()
    await after.dispose()


async def test_an_engine_without_a_key_ring_writes_no_personal_data(people: Urls) -> None:
    database = Database(people.app)

    async with database.begin() as session:
        session.add(Person(id=new_id(), name="Siti Aminah"))
        with pytest.raises(StatementError, match="needs Database"):
            await session.flush()
        await session.rollback()

    await database.dispose()


def officer() -> Principal:
    return Principal(account_id=new_id(), roles=frozenset({Role.BRANCH_OFFICER}))


async def test_a_read_of_personal_data_leaves_one_row_with_the_ids(kit_database: Database) -> None:
    reader, ids = officer(), [new_id(), new_id()]

    async with kit_database.begin() as session:
        await audit_read(session, reader, kind="member", ids=ids, request_id="r-1")
    async with kit_database.read() as session:
        rows = (await session.scalars(select(ReadAudit))).all()

    assert [(row.account_id, row.kind, row.ids, row.request_id) for row in rows] == [
        (reader.account_id, "member", ids, "r-1")
    ]


async def test_a_read_of_nothing_leaves_no_row(kit_database: Database) -> None:
    async with kit_database.begin() as session:
        await audit_read(session, officer(), kind="member", ids=[], request_id="r-1")
        rows = (await session.scalars(select(ReadAudit))).all()

    assert rows == []


@pytest.mark.parametrize("change", ["UPDATE read_audits SET kind = 'x'", "DELETE FROM read_audits"])
async def test_the_record_of_reads_cannot_be_changed(kit_database: Database, change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with kit_database.begin() as session:
            await session.execute(text(change))
