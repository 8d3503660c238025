"""The NIK, the Indonesian population number of sixteen digits.

Province (2), regency (2), district (2), day, month and year of birth (6), serial from 0001 (4). For
women 40 is added to the day. There is no check digit. The number never changes, also when its
holder moves or a birth date is corrected. So a different region or birth date is a warning, not an
error.
Source: docs/domain.md, Data and identifiers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from perisai_kit.domain.errors import Invalid

REGION_UNKNOWN = "region_unknown"
BIRTH_DATE_DIFFERS = "birth_date_differs"

OLDEST_AGE = 100  # decides the century; the age limit for members is another rule
FEMALE_DAY_OFFSET = 40

_FORM = re.compile(r"[0-9]{16}")


class NikStatus(StrEnum):
    """Whether the NIK is valid and integrated with DJP, so that it serves as NPWP (S38 2024)."""

    UNVERIFIED = "unverified"
    VALID = "valid"
    INVALID = "invalid"


class NikInvalid(Invalid):
    """`details["reason"]` is one of length, day, date, serial."""

    code = "nik_invalid"
    text = (
        "The NIK is not valid: it must have 16 digits with a real date of birth. Check it on "
        "the identity card."
    )
    text_id = (
        "NIK tidak valid: harus 16 angka dengan tanggal lahir yang benar. Cocokkan dengan KTP."
    )


@dataclass(frozen=True, slots=True)
class Nik:
    """The content of a NIK. `repr` leaves the number out, because logs contain reprs."""

    text: str
    birth_date: date
    sex: Literal["male", "female"]
    region_code: str
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Nik(…)"


def parse_nik(
    text: str,
    *,
    today: date,
    stated_birth_date: date | None = None,
    known_region: Callable[[str], bool] | None = None,
) -> Nik:
    """Read a NIK.

    The century of birth is the one with an age of 0 to 100 on `today`. If both fit, it is the one
    nearer to the stated birth date, or the later one. known_region: tells whether a six-digit
    region code exists; without it the region is not checked.
    Raises: NikInvalid naming the field `nik`.
    """
    if not _FORM.fullmatch(text):
        raise NikInvalid(field="nik", reason="length")
    day, month, year = int(text[6:8]), int(text[8:10]), int(text[10:12])
    sex: Literal["male", "female"] = "female" if day > FEMALE_DAY_OFFSET else "male"
    day -= FEMALE_DAY_OFFSET if sex == "female" else 0
    if not 1 <= day <= 31:
        raise NikInvalid(field="nik", reason="day")
    if text[12:] == "0000":
        raise NikInvalid(field="nik", reason="serial")
    births = _possible_births(day, month, year, today)
    if not births:
        raise NikInvalid(field="nik", reason="date")
    birth_date = _choose(births, stated_birth_date)
    region_code = text[:6]
    warnings = []
    if known_region is not None and not known_region(region_code):
        warnings.append(REGION_UNKNOWN)
    if stated_birth_date not in (None, birth_date):
        warnings.append(BIRTH_DATE_DIFFERS)
    return Nik(text, birth_date, sex, region_code, tuple(warnings))


def compute_age(birth_date: date, day: date) -> int:
    """Return the completed years of age on `day`; negative before birth.

    A person born on 29 February completes a year on 1 March of a common year.
    """
    before_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - before_birthday


def _possible_births(day: int, month: int, year: int, today: date) -> list[date]:
    births = []
    for century in (1900, 2000):
        try:
            birth = date(century + year, month, day)
        except ValueError:
            continue  # no such day: 31 April, or 29 February 1900
        if birth <= today and compute_age(birth, today) <= OLDEST_AGE:
            births.append(birth)
    return births


def _choose(births: list[date], stated: date | None) -> date:
    if stated is None:
        return max(births)
    return min(births, key=lambda birth: abs(birth - stated))
