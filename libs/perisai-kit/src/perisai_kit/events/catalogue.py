"""The events between services, typed and versioned.

A type is past tense and ends in its version. A change that older readers cannot ignore is a new
version. Events contain ids and facts, never personal data. Readers ignore unknown fields.
`docs/events.md` is generated from this file.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from perisai_kit.http.types import Code, Count, Instant, MonthText, Rupiah, ShortText

Programme = Literal["jkk", "jkm", "jht"]
Payer = Literal["self", "sponsor", "government"]
BeneficiaryKind = Literal["agent", "wadah"]

_TYPE = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*")


class Fact(BaseModel):
    """A part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class Event(Fact):
    """The base. A subclass sets `type` and `subject_field`.

    Events of one subject are handled in order. An event that fails delays only later events of its
    own subject.
    """

    type: ClassVar[str]
    subject_field: ClassVar[str]

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))


class BranchOpened(Event):
    """A branch office joined the platform."""

    type: ClassVar[str] = "branch.opened.v1"
    subject_field: ClassVar[str] = "branch_code"

    branch_code: Code
    region_code: Code


class _AgentAtWork(Event):
    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: Code
    region_code: Code
    agent_code: Code


class AgentActivated(_AgentAtWork):
    """An applicant was approved as an agent."""

    type: ClassVar[str] = "agent.activated.v1"


class AgentReinstated(_AgentAtWork):
    """A suspended agent works again."""

    type: ClassVar[str] = "agent.reinstated.v1"


class _AgentAway(Event):
    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    reason_code: Code


class AgentSuspended(_AgentAway):
    """An agent may not act until reinstated."""

    type: ClassVar[str] = "agent.suspended.v1"


class AgentDismissed(_AgentAway):
    """An agent was dismissed and cannot be reinstated."""

    type: ClassVar[str] = "agent.dismissed.v1"


class MemberEnrolled(Event):
    """A worker was enrolled as a BPU member. Coverage begins with the first payment."""

    type: ClassVar[str] = "member.enrolled.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    branch_code: Code
    region_code: Code
    new_to_bpu: bool
    enrolled_on: date


class MemberUpdated(Event):
    """The data of a member changed. `changed` contains names of fields, not values."""

    type: ClassVar[str] = "member.updated.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    changed: tuple[ShortText, ...]


class MemberAttributed(Event):
    """A member was attributed to an agent and a wadah from a month on."""

    type: ClassVar[str] = "member.attributed.v1"
    subject_field: ClassVar[str] = "member_id"

    attribution_id: UUID
    member_id: UUID
    agent_id: UUID
    wadah_id: UUID
    branch_code: Code
    region_code: Code
    from_month: MonthText
    new_to_bpu: bool


class BillIssued(Event):
    """A bill was issued."""

    type: ClassVar[str] = "bill.issued.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    first_month: MonthText
    month_count: Count
    amount: Rupiah
    expires_at: Instant


class BillCancelled(Event):
    """A bill was withdrawn before it was paid."""

    type: ClassVar[str] = "bill.cancelled.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    reason_code: Code


class BillExpired(Event):
    """A bill expired without a payment."""

    type: ClassVar[str] = "bill.expired.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID


class SettledLine(Fact):
    """One contribution month of one programme in a payment. `relief`: the part waived by law."""

    month: MonthText
    programme: Programme
    amount: Rupiah
    relief: Rupiah


class PaymentSettled(Event):
    """A payment was booked. `paid_at` comes from the bank, `received_at` from payment-service."""

    type: ClassVar[str] = "payment.settled.v1"
    subject_field: ClassVar[str] = "member_id"

    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    partner_id: UUID
    amount: Rupiah
    paid_at: Instant
    received_at: Instant
    attribution_id: UUID | None = None
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    payer: Payer
    lines: tuple[SettledLine, ...]


class CoverageExtended(Event):
    """A payment extended the coverage of a member by these months."""

    type: ClassVar[str] = "coverage.extended.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    months: tuple[MonthText, ...]
    payment_id: UUID


class StatementIssued(Event):
    """A month was closed with this amount for one agent or wadah."""

    type: ClassVar[str] = "statement.issued.v1"
    subject_field: ClassVar[str] = "beneficiary_id"

    statement_id: UUID
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    wadah_id: UUID
    month: MonthText
    amount: Rupiah


def build_registry(*classes: type[Event]) -> dict[str, type[Event]]:
    """Return the classes by type.

    Raises: ValueError for a repeated type, a type that is not like `noun.participle.v1`, and a
    subject that is not a field.
    """
    known: dict[str, type[Event]] = {}
    for cls in classes:
        if not _TYPE.fullmatch(cls.type):
            raise ValueError(f"{cls.__name__}: a type looks like bill.issued.v1")
        if cls.type in known:
            raise ValueError(f"{cls.__name__}: {cls.type} is taken")
        if cls.subject_field not in cls.model_fields:
            raise ValueError(f"{cls.__name__}: {cls.subject_field} is not a field")
        known[cls.type] = cls
    return known


def _declared(base: type[Event]) -> Iterator[type[Event]]:
    for cls in base.__subclasses__():
        if "type" in cls.__dict__:
            yield cls
        yield from _declared(cls)


EVENTS = build_registry(*_declared(Event))
"""Every event of the platform by its type."""
