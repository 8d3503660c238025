"""The events of member-service: members, registrations and coverage."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from perisai_kit.events.envelope import Event, Fact
from perisai_kit.http.types import Code, Count, Instant, MonthText, ShortText


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
    """The data of a member changed. `changed` contains names of fields, not values.

    `endings`: the end of a membership was reported, or the report withdrawn.
    """

    type: ClassVar[str] = "member.updated.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    changed: tuple[ShortText, ...]


class AttributionPeriod(Fact):
    """The agent of a member from a day on. No agent: the branch."""

    from_date: date
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    branch_code: Code
    region_code: Code
    agent_sees: bool


class MemberAttributed(Event):
    """The agent of a member, today and later. The highest `attribution_no` counts."""

    type: ClassVar[str] = "member.attributed.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    attribution_no: Count
    periods: tuple[AttributionPeriod, ...]


class MemberRiskFlagged(Event):
    """An acquisition of an agent bears a mark for possible fraud; it is raised once."""

    type: ClassVar[str] = "member.risk_flagged.v1"
    subject_field: ClassVar[str] = "member_id"

    member_id: UUID
    allocation_id: UUID
    agent_id: UUID
    flag: Code
    counts_at: Instant


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
    """What became of one allocation to a bill. The answer with the highest `answer_no` counts."""

    subject_field: ClassVar[str] = "member_id"

    allocation_id: UUID
    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    answer_no: Count
    counts_at: Instant


class _CoveragePaid(_CoverageAnswer):
    """The member's agent on the Jakarta day of `counts_at`; no agent: the branch.

    `first_month`: of the registration; the commission's counter runs from it. `is_acquisition`:
    the first allocation that stands of a person never before registered as BPU.
    """

    months: tuple[MonthText, ...]
    first_month: MonthText
    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    branch_code: Code
    region_code: Code
    is_acquisition: bool


class CoverageExtended(_CoveragePaid):
    """An allocation pays these months of a member."""

    type: ClassVar[str] = "coverage.extended.v1"


class CoverageDeclined(_CoverageAnswer):
    """An allocation pays nothing: its money cannot count for the member."""

    type: ClassVar[str] = "coverage.declined.v1"

    reason_code: Code


class CoverageWithdrawn(_CoveragePaid):
    """Some months of an allocation lie behind the end of the registration; `months` still count."""

    type: ClassVar[str] = "coverage.withdrawn.v1"

    withdrawn: tuple[MonthText, ...]
