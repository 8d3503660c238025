"""Copies of a row in the binary format of COPY: what differs between them, and what does not."""

import json
from uuid import UUID, uuid4

import pytest

from bench.world.records import HEADER, TRAILER, Record, RowReader, read_rows
from bench.world.rows import Known, Scale
from perisai_kit.privacy.columns import sealed_text
from perisai_kit.privacy.keyring import Keyring
from sandbox.demo.people import FIRST_NAMES, LAST_NAMES

COPIES = 5
SCALE = Scale(copies=COPIES, branches=2)
NIK, PHONE = "3510010101900001", "+6281200000003"
NAME = f"{FIRST_NAMES[0]} {LAST_NAMES[0]}"
ROW, KEPT = UUID("0190a000-0000-7000-8000-0000000abcde"), uuid4()


class Person:
    __tablename__ = "people"
    nik = sealed_text()


@pytest.fixture
def known(keyring: Keyring) -> Known:
    hashes = {keyring.lookup("nik", NIK).hex(): ("nik", NIK)}
    return Known(frozenset({str(KEPT)}), frozenset({NIK}), {PHONE: 3}, {}, hashes, keyring)


def make_reader(known: Known, **types: str) -> RowReader:
    return RowReader(types, ["id"], {"number"}, ["unset"], {"nik": Person.nik}, known)


def copy(record: Record) -> list[list[bytes | None]]:
    return list(read_rows(HEADER + record.render(SCALE) + TRAILER))


def write_array(*values: bytes) -> bytes:
    """Return an array of one dimension; the type of its values is not read."""
    head = b"".join(each.to_bytes(4) for each in (1, 0, 2950, len(values), 1))
    return head + b"".join(len(each).to_bytes(4) + each for each in values)


def test_each_copy_has_ids_and_numbers_of_its_own(known: Known) -> None:
    reader = make_reader(known, id="uuid", kept="uuid", others="_uuid", number="int8")
    record = reader.compile([ROW.bytes, KEPT.bytes, write_array(ROW.bytes), (3).to_bytes(8)])

    rows = copy(record)

    ids = [UUID(f"0190a000-0000-7000-8000-0000000{copy:05x}") for copy in range(COPIES)]
    assert rows == [
        [id_.bytes, KEPT.bytes, write_array(id_.bytes), number.to_bytes(8)]
        for id_, number in zip(ids, range(2 * COPIES + 1, 3 * COPIES + 1), strict=True)
    ]


def test_each_copy_is_another_person_wherever_a_text_says_so(known: Known) -> None:
    reader = make_reader(known, id="uuid", data="jsonb", words="_text")
    data = {"name": NAME, "nik": NIK, "phone": PHONE, "member_id": str(ROW), "share": "10%"}
    words = write_array(b"MODEL-BRANCH", b"another")

    rows = copy(reader.compile([ROW.bytes, b"\1" + json.dumps(data).encode(), words]))

    people = [json.loads((row[1] or b"").removeprefix(b"\1")) for row in rows]
    for key in ("name", "nik", "phone", "member_id"):
        assert len({each[key] for each in people}) == COPIES
    assert {each["name"].startswith(f"{NAME} ") for each in people} == {True}
    assert {each["share"] for each in people} == {"10%"}
    assert [row[2] for row in rows] == [
        write_array(b"K%03d" % (place % 2), b"another") for place in range(COPIES)
    ]


def test_secrets_and_hashes_are_those_of_each_copy(known: Known, keyring: Keyring) -> None:
    reader = make_reader(known, id="uuid", nik="bytea", hashed="bytea", other="bytea")
    sealed, other = Person.nik.seal(keyring, ROW, NIK), bytes(32)
    record = reader.compile([ROW.bytes, sealed, keyring.lookup("nik", NIK), other])

    niks = set()
    for id_, nik, hashed, unchanged in copy(record):
        assert id_ is not None
        assert nik is not None
        plain = Person.nik.unseal(keyring, UUID(bytes=id_), nik)
        assert (hashed, unchanged) == (keyring.lookup("nik", plain), other)
        niks.add(plain)
    assert len(niks) == COPIES


def test_what_is_null_or_unset_is_null_in_every_copy(known: Known) -> None:
    reader = make_reader(known, id="uuid", nothing="text", unset="int8")

    rows = copy(reader.compile([ROW.bytes, None, (7).to_bytes(8)]))

    assert [row[1:] for row in rows] == [[None, None]] * COPIES
