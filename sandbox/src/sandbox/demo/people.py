"""Invented people, with new NIKs for each walk unless a seed is given."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from random import Random, SystemRandom
from typing import Any

FIRST_NAMES = ("Siti", "Budi", "Dewi", "Agus", "Sri", "Joko", "Rina", "Hadi", "Wati", "Eko")
LAST_NAMES = ("Aminah", "Santoso", "Lestari", "Pranoto", "Wahyuni", "Susilo", "Utami", "Saputra")
DISTRICTS = ("351001", "351006", "351011", "351016", "351021")
"""Kecamatan of Banyuwangi."""
ANEW = SystemRandom()


@dataclass(frozen=True)
class Person:
    """A person of Banyuwangi."""

    nik: str
    full_name: str
    birth_date: date
    phone: str
    sex: str


def new_person(birth_date: date, chance: Random = ANEW) -> Person:
    """Invent a person with this date of birth."""
    female = chance.randrange(2) == 1
    day = birth_date.day + (40 if female else 0)
    serial = 1 + chance.randrange(9999)
    born = f"{day:02d}{birth_date.month:02d}{birth_date.year % 100:02d}"
    return Person(
        nik=f"{chance.choice(DISTRICTS)}{born}{serial:04d}",
        full_name=f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}",
        birth_date=birth_date,
        phone=f"+62812{chance.randrange(10**8):08d}",
        sex="female" if female else "male",
    )


def new_adult(on: date, chance: Random = ANEW) -> Person:
    """Invent a person of 20 to 59 years."""
    return _born_in(on.year - 20 - chance.randrange(40), chance)


def new_child(on: date) -> Person:
    """Invent a person of 12 or 13 years."""
    return _born_in(on.year - 13, ANEW)


def _born_in(year: int, chance: Random) -> Person:
    return new_person(date(year, 1 + chance.randrange(12), 1 + chance.randrange(28)), chance)


def member_body(person: Person, *, at: datetime, new_to_bpu: bool = True) -> dict[str, Any]:
    """Return the request to enrol this person, with three programmes and the minimum income."""
    return {
        "id": str(uuid.uuid4()),
        "nik": person.nik,
        "full_name": person.full_name,
        "birth_date": person.birth_date.isoformat(),
        "place_of_birth": "Banyuwangi",
        "sex": person.sex,
        "phone": person.phone,
        "address": {
            "street": f"Jalan Ikan Hiu {int(person.phone[-4:]) + 1}",
            "village": "Lateng",
            "district": "Banyuwangi",
        },
        "occupations": ["fisher"],
        "declared_income": 1_000_000,
        "programmes": ["jkk", "jkm", "jht"],
        "new_to_bpu": new_to_bpu,
        **({"new_to_bpu_basis": "member_statement"} if new_to_bpu else {}),
        "work_declaration": {"working": True, "declared_on": at.date().isoformat()},
        "consent": {"purpose_version": "bpu-2026-1", "given_at": at.isoformat()},
    }
