"""Encrypting stored values anew, against PostgreSQL."""

import asyncio
import os
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perisai_kit.db.connections import to_asyncpg_url
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.transaction import IdempotencyRecord
from perisai_kit.privacy.columns import sealed_text
from perisai_kit.privacy.keyring import DecryptionFailed, Keyring
from perisai_kit.privacy.rotation import Rotation, count_left, rotate
from perisai_kit.services.tables import KIT_METADATA
from perisai_kit.testing.plugin import Urls

KEY_1, KEY_2, LOOKUP = (os.urandom(32) for _ in range(3))
OLD = Keyring({"k1": KEY_1}, LOOKUP)
BOTH = Keyring({"k2": KEY_2, "k1": KEY_1}, LOOKUP)
NEW = Keyring({"k2": KEY_2}, LOOKUP)


class Base(DeclarativeBase):
    pass


class Answer(Base):
    """With a key of two parts, of which the second may hold anything."""

    __tablename__ = "answers"

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body = sealed_text()
    note = sealed_text(nullable=True)


TABLES = [Base.metadata]
COUNT = 120


@pytest.fixture
async def url(kit_urls: Urls) -> str:
    """A database with rows under the old key, one of three without a note."""
    engine = create_async_engine(to_asyncpg_url(kit_urls.owner))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    before = Database(kit_urls.owner, keyring=OLD)
    account_id = new_id()
    async with before.begin() as session:
        for number in range(COUNT):
            note = None if number % 3 else f"note {number}"
            key = f"{number}:\\"
            session.add(Answer(account_id=account_id, key=key, body=f"body {number}", note=note))
    await before.dispose()
    return kit_urls.owner


def ignore(_: str) -> None:
    """Take a line of progress."""


async def run(url: str, keyring: Keyring = BOTH, *, batch: int = 7) -> Rotation:
    database = Database(url, keyring=keyring, pool_size=1)
    try:
        return await rotate(database, keyring, TABLES, report=ignore, batch=batch, again_s=0.01)
    finally:
        await database.dispose()


async def bodies(url: str, keyring: Keyring = NEW) -> dict[str, tuple[str, str | None]]:
    database = Database(url, keyring=keyring)
    async with database.read() as session:
        found = {each.key: (each.body, each.note) for each in await session.scalars(select(Answer))}
    await database.dispose()
    return found


def expected() -> dict[str, tuple[str, str | None]]:
    return {
        f"{number}:\\": (f"body {number}", None if number % 3 else f"note {number}")
        for number in range(COUNT)
    }


async def test_after_a_rotation_the_old_key_is_needed_no_more(url: str) -> None:
    done = await run(url)

    assert (done.rewritten, done.left, done.is_complete) == (COUNT, {}, True)
    assert await bodies(url) == expected()


async def test_what_is_left_is_counted_by_key(url: str) -> None:
    database = Database(url, keyring=BOTH)
    left = await count_left(database, BOTH, TABLES)
    await database.dispose()

    assert left == {"answers.body": {"k1": COUNT}, "answers.note": {"k1": COUNT // 3}}


async def test_a_rotation_that_was_ended_anywhere_is_just_run_again(url: str) -> None:
    for lines in (1, 3):
        said: list[str] = []

        def end(line: str, said: list[str] = said, lines: int = lines) -> None:
            said.append(line)
            if len(said) == lines:
                raise KeyboardInterrupt

        database = Database(url, keyring=BOTH, pool_size=1)
        with pytest.raises(KeyboardInterrupt):
            await rotate(database, BOTH, TABLES, report=end, batch=7)
        await database.dispose()
        assert await bodies(url, BOTH) == expected()

    done = await run(url)

    assert done.rewritten == COUNT - 4 * 7
    assert await bodies(url) == expected()


async def test_two_rotations_at_once_share_the_rows(url: str) -> None:
    first, second = await asyncio.gather(run(url), run(url, batch=5))

    assert first.rewritten + second.rewritten == COUNT
    assert first.is_complete
    assert second.is_complete
    assert await bodies(url) == expected()


@pytest.mark.race
async def test_what_is_written_during_a_rotation_is_not_lost(url: str) -> None:
    known = expected()
    written: dict[str, tuple[str, str | None]] = {}
    service = Database(url, keyring=BOTH, pool_size=2)

    async def write() -> None:
        for turn in range(2):
            for key in list(known)[::2]:
                async with service.begin() as session:
                    row = (await session.scalars(select(Answer).where(Answer.key == key))).one()
                    row.body = f"{row.body}, changed {turn}"
                    await asyncio.sleep(0)
                written[key] = (f"{known[key][0]}, changed 0", known[key][1])
        for key, (body, note) in written.items():
            written[key] = (f"{body}, changed 1", note)

    done, _ = await asyncio.gather(run(url, batch=3), write())
    await service.dispose()

    assert done.is_complete
    assert await bodies(url) == known | written


async def test_a_row_that_somebody_holds_is_waited_for_and_holds_up_no_other(url: str) -> None:
    service = Database(url, keyring=OLD)
    async with service.begin() as session:
        held = (await session.scalars(select(Answer).with_for_update().limit(1))).one()
        running = asyncio.create_task(run(url))
        while await count_old(url) > 1:  # noqa: ASYNC110 - another process would not tell either
            await asyncio.sleep(0.01)
        held.body = "written by a process that knows the old key only"
    done = await running
    await service.dispose()

    assert done.is_complete
    assert await bodies(url) == expected() | {held.key: (held.body, held.note)}


async def count_old(url: str) -> int:
    database = Database(url, keyring=BOTH)
    async with database.read() as session:
        begins = func.substring(text("body"), 3, 2) == b"k1"
        old = await session.scalar(select(func.count()).select_from(Answer).where(begins))
    await database.dispose()
    return old or 0


async def test_values_without_a_key_or_moved_are_counted_and_left(url: str) -> None:
    database = Database(url, keyring=BOTH)
    lost = Database(url, keyring=Keyring({"k0": os.urandom(32)}, LOOKUP))
    foreign = {"account_id": new_id(), "key": "x", "body": "of a lost key"}
    async with lost.begin() as session:
        session.add(Answer(**foreign))
    async with database.begin() as session:
        await session.execute(
            text(
                "UPDATE answers SET body = (SELECT body FROM answers WHERE key LIKE '1:%')"
                " WHERE key LIKE '2:%'"
            )
        )
    await lost.dispose()

    done = await run(url)

    assert done.left == {"answers.body": {"k0": 1, "k1": 1}}
    assert done.unreadable == {"answers.body": 2}
    assert not done.is_complete
    async with database.read() as session:
        rows = {each.key: each for each in await session.scalars(select(Answer))}
    with pytest.raises(DecryptionFailed, match="not in the key ring"):
        assert rows["x"].body
    with pytest.raises(DecryptionFailed, match="not what was written here"):
        assert rows["2:\\"].body
    assert rows["1:\\"].body == "body 1"
    await database.dispose()


async def test_two_answers_under_one_idempotency_key_stay_apart(kit_urls: Urls) -> None:
    account_id, now = new_id(), clock.real_now()
    ages = {"of today": 1, "of yesterday": 25}
    before = Database(kit_urls.owner, keyring=OLD)
    for body, hours in ages.items():
        record = IdempotencyRecord(
            account_id=account_id,
            key="key-00000001",
            fingerprint=b"",
            status=201,
            headers={},
            body=body.encode(),
            authority=b"",
            reads=[],
            shows={},
            created_at=now - timedelta(hours=hours),
        )
        async with before.begin() as session:
            session.add(record)
    await before.dispose()

    database = Database(kit_urls.owner, keyring=BOTH)
    done = await rotate(database, BOTH, [KIT_METADATA], report=ignore, again_s=0.01)
    await database.dispose()

    found = {}
    after = Database(kit_urls.owner, keyring=NEW)
    for body, hours in ages.items():
        async with after.read() as session:
            row = await session.scalar(
                select(IdempotencyRecord).where(
                    IdempotencyRecord.created_at == now - timedelta(hours=hours)
                )
            )
        assert row is not None
        found[body] = row.body.decode()
    await after.dispose()
    assert done.rewritten == 2
    assert found == {body: body for body in ages}
