"""Encrypted columns and the read audit, against PostgreSQL."""

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError, StatementError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perisai_kit.db.connections import to_asyncpg_url
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.columns import (
    SealingFailed,
    build_place,
    seal_values,
    sealed_bytes,
    sealed_text,
)
from perisai_kit.privacy.keyring import DecryptionFailed, Keyring
from perisai_kit.testing.plugin import Urls

KEY_1, KEY_2, LOOKUP = (os.urandom(32) for _ in range(3))


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name = sealed_text(nullable=True)
    scan = sealed_bytes(nullable=True)


class Late(Base):
    __tablename__ = "late"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name = sealed_text()


@pytest.fixture
async def people(kit_urls: Urls) -> Urls:
    owner = create_async_engine(to_asyncpg_url(kit_urls.owner))
    async with owner.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        granted = f"GRANT SELECT, INSERT, UPDATE ON people, late TO {kit_urls.app_role}"
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
    assert raw.name[:4] == b"\x02\x02k1"
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
    after = Database(people.app, keyring=rotated)
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
    assert raw.startswith(rotated.active_header)
    await before.dispose()
    await after.dispose()


async def test_an_engine_without_a_key_ring_writes_no_personal_data(people: Urls) -> None:
    database = Database(people.app)

    async with database.begin() as session:
        session.add(Person(id=new_id(), name="Siti Aminah"))
        with pytest.raises(StatementError, match="needs Database") as refused:
            await session.flush()
        await session.rollback()

    assert "Siti" not in str(refused.value)
    await database.dispose()


async def test_a_value_is_decrypted_with_its_session_long_gone(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    async with database.begin() as session:
        session.add(Person(id=new_id(), name="Siti Aminah"))

    async with database.read() as session:
        person = (await session.scalars(select(Person))).one()

    assert person.name == "Siti Aminah"
    await database.dispose()


async def test_a_changed_object_returns_its_new_values(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    person_id = new_id()
    async with database.begin() as session:
        session.add(Person(name="Siti Aminah", id=person_id))
    async with database.begin() as session:
        person = await session.get_one(Person, person_id)
        person.name = "Siti A."
        before = person.name
        await session.flush()
        await session.refresh(person)

    assert (before, person.name) == ("Siti A.", "Siti A.")
    await database.dispose()


async def test_a_row_needs_its_id_before_anything_is_encrypted_for_it(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))

    async with database.begin() as session:
        session.add(Late(name="Siti Aminah"))
        with pytest.raises(StatementError, match=r"late\.name .* id must be set before") as refused:
            await session.flush()
        await session.rollback()

    assert "Siti" not in str(refused.value)
    await database.dispose()


@pytest.mark.parametrize("value", ["Siti Aminah", b"Siti Aminah"], ids=["text", "bytes"])
@pytest.mark.parametrize("name", ["name", "name_sealed"])
async def test_statements_do_not_store_plain_values(
    people: Urls, name: str, value: str | bytes
) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    row = {"id": new_id(), name: value}

    async with database.begin() as session:
        for statement in (insert(Person).values(row), update(Person).values(row)):
            with pytest.raises(StatementError, match="takes what its attribute") as refused:
                await session.execute(statement)
            assert "Siti" not in str(refused.value)

    await database.dispose()


async def test_rows_in_bulk_are_encrypted_each_for_itself(people: Urls) -> None:
    database = Database(people.app, keyring=Keyring({"k1": KEY_1}, LOOKUP))
    rows = [{"id": new_id(), "name": name, "scan": None} for name in ("Siti", "Ani")]

    async with database.begin() as session:
        await session.execute(insert(Person), [seal_values(Person, row) for row in rows])
    async with database.read() as session:
        people_ = (await session.scalars(select(Person))).all()
        held = (await session.execute(select(Person.id, Person.name.column))).all()

    assert {each.id: each.name for each in people_} == {row["id"]: row["name"] for row in rows}
    assert {id_: Person.name.read(it, id_) for id_, it in held} == {
        row["id"]: row["name"] for row in rows
    }
    assert "Siti" not in repr(held)
    await database.dispose()


def test_an_encrypted_column_cannot_be_compared() -> None:
    with pytest.raises(TypeError, match="keyed hash"):
        select(Person).where(Person.name == "Siti Aminah")


def test_a_value_for_one_column_is_not_written_to_another() -> None:
    wrong = Person.name.prepare(new_id(), "Siti Aminah")
    assert wrong is not None

    with pytest.raises(SealingFailed, match=r"people\.name was given to people\.scan") as refused:
        wrong.encrypt(Keyring({"k1": KEY_1}, LOOKUP), "people.scan")

    assert "Siti" not in f"{refused.value} {wrong!r}"


@pytest.mark.parametrize("value", [b"bytes", 7])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"people\.name takes str"):
        Person(id=new_id(), name=value)


@given(
    plain=st.binary(max_size=200),
    place=st.tuples(st.sampled_from(["a.b", "a.c"]), st.lists(st.text(max_size=4), min_size=1)),
    other=st.tuples(st.sampled_from(["a.b", "a.c"]), st.lists(st.text(max_size=4), min_size=1)),
)
def test_a_value_is_read_at_its_own_place_and_at_no_other(
    plain: bytes, place: tuple[str, list[str]], other: tuple[str, list[str]]
) -> None:
    keyring = Keyring({"k2": KEY_2, "k1": KEY_1}, LOOKUP)
    own, another = (build_place(context, tuple(parts)) for context, parts in (place, other))
    older = Keyring({"k1": KEY_1}, LOOKUP).encrypt(plain, own)

    for stored in (keyring.encrypt(plain, own), older, keyring.renew(older, own)):
        assert stored is not None
        assert keyring.decrypt(stored, own) == plain
        if place != other:
            with pytest.raises(DecryptionFailed):
                keyring.decrypt(stored, another)


@pytest.mark.parametrize("change", ["UPDATE read_audits SET kind = 'x'", "DELETE FROM read_audits"])
async def test_the_record_of_reads_cannot_be_changed(kit_database: Database, change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with kit_database.begin() as session:
            await session.execute(text(change))
