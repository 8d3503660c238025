"""Short ways to write a member's payments."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from member_service_tests.registrations.histories import TERMS

from member_service.registrations import rules
from member_service.registrations.rules import Allocation, Declaration, Ending, History, Person
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

BORN = date(1985, 5, 17)
LATER = date(2030, 1, 1)
"""A day of knowledge after all facts."""


def moment(text: str) -> datetime:
    """Read "2026-09-05" or "2026-09-05T10:00", in Jakarta; a day alone is its ninth hour."""
    written = text if "T" in text else f"{text}T09:00"
    return datetime.fromisoformat(f"{written}+07:00")


def months(*texts: str) -> tuple[Month, ...]:
    return tuple(Month.parse(text) for text in texts)


def pay(at: str, *paid: str, issued: str | None = None, key: int | None = None) -> Allocation:
    """Pay these months at a moment. issued: of the bill; by default the same moment."""
    allocation_id = new_id() if key is None else UUID(int=key)
    return Allocation(allocation_id, moment(at), moment(issued or at), months(*paid))


def declare(on: str, made: str | None = None) -> Declaration:
    """Declare work on a day. made: when we received it, at the beginning of the day by default."""
    return Declaration(new_id(), moment(on).date(), moment(made or f"{on}T00:00"))


def judge(
    *allocations: Allocation,
    born: date = BORN,
    declarations: Sequence[Declaration] | None = None,
    endings: Sequence[Ending] = (),
    known_on: date = LATER,
) -> History:
    """Judge payments. By default, work was declared on the day of each bill."""
    if declarations is None:
        declarations = [
            Declaration(each.id, each.issued_at.date(), each.issued_at - timedelta(minutes=1))
            for each in allocations
        ]
    person = Person(born, declarations, endings)
    return rules.judge(allocations, person, terms=TERMS, known_on=known_on)
