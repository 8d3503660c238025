"""The events between services, typed and versioned.

A type is past tense and ends in its version. A change that older readers cannot ignore is a new
version. Events contain ids and facts, never personal data. Readers ignore unknown fields.
`docs/events.md` is generated from this file.
"""

from collections.abc import Iterator
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from perisai_kit.events.envelope import Event, Fact, build_registry
from perisai_kit.http.types import Code, Count, Instant, MonthText, Rupiah, ShortText, SignedRupiah

Programme = Literal["jkk", "jkm", "jht"]
Payer = Literal["self", "sponsor", "government"]
BeneficiaryKind = Literal["agent", "wadah"]


class BranchOpened(Event):
    """A branch office joined the platform."""

    type: ClassVar[str] = "branch.opened.v1"
    subject_field: ClassVar[str] = "branch_code"

    branch_code: Code
    region_code: Code


class _AgentAtWork(Event):
    """At work from the Jakarta day of `decided_at` on, that day included."""

    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: Code
    region_code: Code
    agent_code: Code
    decided_at: Instant


class AgentActivated(_AgentAtWork):
    """An applicant was approved as an agent."""

    type: ClassVar[str] = "agent.activated.v1"


class AgentReinstated(_AgentAtWork):
    """A suspended agent works again."""

    type: ClassVar[str] = "agent.reinstated.v1"


class _AgentAway(Event):
    """Not at work from the day after that of `decided_at` on; access ends at once."""

    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    reason_code: Code
    decided_at: Instant


class AgentSuspended(_AgentAway):
    """An agent may not act until reinstated."""

    type: ClassVar[str] = "agent.suspended.v1"


class AgentDismissed(_AgentAway):
    """An agent was dismissed and cannot be reinstated."""

    type: ClassVar[str] = "agent.dismissed.v1"


class WadahAgreementSigned(Event):
    """A wadah has an agreement (PKS) for these days, both included."""

    type: ClassVar[str] = "wadah.agreement_signed.v1"
    subject_field: ClassVar[str] = "wadah_id"

    wadah_id: UUID
    agreement_id: UUID
    starts_on: date
    ends_on: date


class WadahTerminated(Event):
    """The cooperation with a wadah ended, for good."""

    type: ClassVar[str] = "wadah.terminated.v1"
    subject_field: ClassVar[str] = "wadah_id"

    wadah_id: UUID
    reason_code: Code
    decided_at: Instant


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


class CarePeriod(Fact):
    """Who cares for a member from a day on. No agent: the branch. `agent_sees`: until told anew."""

    from_date: date
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    branch_code: Code
    region_code: Code
    agent_sees: bool


class CareChanged(Event):
    """Who cares for a member, now and from the days known so far. The highest `care_no` counts."""

    type: ClassVar[str] = "member.care_changed.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    care_no: Count
    periods: tuple[CarePeriod, ...]


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
    """A payment was booked.

    `issued_at` is of its bill. `paid_at` comes from the bank, `received_at` from payment-service.
    """

    type: ClassVar[str] = "payment.settled.v1"
    subject_field: ClassVar[str] = "member_id"

    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    partner_id: UUID
    amount: Rupiah
    issued_at: Instant
    paid_at: Instant
    received_at: Instant
    payer: Payer
    lines: tuple[SettledLine, ...]


class _Registration(Event):
    subject_field: ClassVar[str] = "member_id"

    registration_id: UUID
    member_id: UUID
    kind: Literal["first", "return"]
    began_on: date
    first_month: MonthText


class RegistrationOpened(_Registration):
    """A payment opened a registration of a member: the first one, or one after a return."""

    type: ClassVar[str] = "registration.opened.v1"


class RegistrationCorrected(_Registration):
    """Later knowledge changed a registration. `superseded`: it does not exist any more."""

    type: ClassVar[str] = "registration.corrected.v1"

    superseded: bool


class RegistrationEnded(Event):
    """A registration ends: a reported ending became known, or a lapse is certain.

    `ended_on` is the first day outside; that of a reported ending may be in the future.
    """

    type: ClassVar[str] = "registration.ended.v1"
    subject_field: ClassVar[str] = "member_id"

    registration_id: UUID
    member_id: UUID
    ended_on: date
    reason_code: Code


class _CoverageAnswer(Event):
    """What became of one settled payment. The answer with the highest `answer_no` counts."""

    subject_field: ClassVar[str] = "member_id"

    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    answer_no: Count
    counts_at: Instant


class _CoveragePaid(_CoverageAnswer):
    """Who was in care on the Jakarta day of `counts_at`; no agent: the branch.

    `first_month`: of the registration; the commission's counter runs from it. `is_acquisition`:
    the first payment that stands of a person never before registered as BPU.
    """

    months: tuple[MonthText, ...]
    first_month: MonthText
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    branch_code: Code
    region_code: Code
    is_acquisition: bool


class CoverageExtended(_CoveragePaid):
    """A payment pays these months of a member."""

    type: ClassVar[str] = "coverage.extended.v1"


class CoverageDeclined(_CoverageAnswer):
    """A payment pays nothing: its money cannot count for the member."""

    type: ClassVar[str] = "coverage.declined.v1"

    reason_code: Code


class CoverageWithdrawn(_CoveragePaid):
    """Some months of a payment lie behind the end of the registration; `months` still count."""

    type: ClassVar[str] = "coverage.withdrawn.v1"

    withdrawn: tuple[MonthText, ...]


class StatementIssued(Event):
    """A month was closed with this amount for one agent or wadah; negative: a debt."""

    type: ClassVar[str] = "statement.issued.v1"
    subject_field: ClassVar[str] = "beneficiary_id"

    statement_id: UUID
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    wadah_id: UUID
    month: MonthText
    amount: SignedRupiah


def _declared(base: type[Event]) -> Iterator[type[Event]]:
    for cls in base.__subclasses__():
        if "type" in cls.__dict__:
            yield cls
        yield from _declared(cls)


EVENTS = build_registry(*_declared(Event))
"""Every event of the platform by its type."""
