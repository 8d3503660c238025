from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from member_service.attribution_periods.models import AttributionPeriodRow
from member_service.coverage.rules import (
    MAX_BASES,
    WAITING_MONTHS,
    Cover,
    IfPaid,
    MemberCoverage,
    NotBillable,
    Offer,
    PaidMonth,
)
from member_service.members.rules import Standing
from member_service.registrations.rules import (
    EndReason,
    Registration,
    RegistrationKind,
    WaitingMonth,
)
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import (
    AgentId,
    BranchCode,
    Count,
    Day,
    DistinctIds,
    MemberId,
    Model,
    MonthText,
    Out,
    RecordId,
    RegionCode,
    Rupiah,
    WadahId,
    with_example,
)


class PaidMonthOut(Out):
    """A paid contribution month."""

    month: Annotated[MonthText, Field(description="The contribution month.")]
    programmes: Annotated[list[Programme], Field(description="The programmes that are paid.")]
    paid_on: Annotated[date, Field(description="Day on which its payment counts, in Jakarta.")]

    @classmethod
    def of(cls, paid: PaidMonth) -> "PaidMonthOut":
        return cls(month=paid.month, programmes=list(paid.programmes), paid_on=paid.paid_on)


class RegistrationOut(Out):
    """One continuous membership."""

    kind: Annotated[RegistrationKind, Field(description="The first one, or one after a return.")]
    began_on: Annotated[date, Field(description="Day of its first payment, in Jakarta.")]
    first_month: Annotated[MonthText, Field(description="First contribution month that counts.")]
    covers_from: Annotated[datetime, Field(description="Nothing is covered before this instant.")]
    ends_on: Annotated[
        date, Field(description="First day without membership, if nothing more is paid.")
    ]
    end_reason: Annotated[EndReason, Field(description="Why it ends on that day.")]

    @classmethod
    def of(cls, registration: Registration) -> "RegistrationOut":
        return cls(
            kind=registration.kind,
            began_on=registration.began_on,
            first_month=registration.first_month,
            covers_from=registration.covers_from,
            ends_on=registration.ends_on,
            end_reason=registration.end_reason,
        )


class IfPaidOut(Out):
    """What must be paid so that the moment is covered."""

    months: Annotated[list[MonthText], Field(description="All of them must be paid.")]
    pay_before: Annotated[datetime, Field(description="First instant that is too late.")]

    @classmethod
    def of(cls, found: IfPaid) -> "IfPaidOut":
        return cls(months=list(found.months), pay_before=found.pay_before)


class WaitingPeriod(Out):
    """The full death benefit needs three paid months in a row of one registration."""

    required_months: Annotated[Count, Field(description="How many paid months are needed.")]
    consecutive_months: Annotated[Count, Field(description="How many are paid in a row.")]
    counted: Annotated[
        WaitingMonth, Field(description="Whether a month counts when it is over, or has begun.")
    ]
    is_over: Annotated[bool, Field(description="The full benefit is due if covered.")]


class CoverageOut(Out):
    """A member's protection at a moment. Each figure and its source: docs/domain.md, Membership."""

    model_config = with_example(
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        at="2026-11-30T08:00:00Z",
        known_at="2026-11-30T08:00:00Z",
        standing="active",
        cover="covered",
        if_paid=None,
        registration={
            "kind": "first",
            "began_on": "2026-11-03",
            "first_month": "2026-11",
            "covers_from": "2026-11-03T01:20:00Z",
            "ends_on": "2027-03-01",
            "end_reason": "lapsed",
        },
        paid_through="2026-12",
        unpaid_months=[],
        next_due_on="2027-01-15",
        waiting_period={
            "required_months": 3,
            "consecutive_months": 2,
            "counted": "over",
            "is_over": False,
        },
        jkm_benefit=10_000_000,
        months=[{"month": "2026-11", "programmes": ["jkk", "jkm", "jht"], "paid_on": "2026-11-03"}],
    )

    member_id: Annotated[MemberId, Field(description="The member.")]
    at: Annotated[datetime, Field(description="The moment asked about.")]
    known_at: Annotated[datetime, Field(description="Only what was known at this instant counts.")]
    standing: Annotated[Standing, Field(description="Standing of the member on that day.")]
    cover: Annotated[Cover, Field(description="Whether the moment is covered.")]
    if_paid: Annotated[
        IfPaidOut | None, Field(description="For `covered_if_paid`: what must be paid.")
    ]
    registration: Annotated[
        RegistrationOut | None, Field(description="The last registration that began until then.")
    ]
    paid_through: Annotated[MonthText | None, Field(description="Its last paid month.")]
    unpaid_months: Annotated[
        list[MonthText],
        Field(description="Its unpaid months that are due; after its end not owed any more."),
    ]
    next_due_on: Annotated[
        date | None, Field(description="Until when its first unpaid month is in time.")
    ]
    waiting_period: Annotated[WaitingPeriod, Field(description="Of the death benefit.")]
    jkm_benefit: Annotated[
        Rupiah | None, Field(description="Death benefit in rupiah; null unless covered.")
    ]
    months: Annotated[
        list[PaidMonthOut],
        Field(description="Paid months of all registrations, newest first, at most 120."),
    ]

    @classmethod
    def of(cls, member_id: MemberId, found: MemberCoverage, waiting: WaitingMonth) -> "CoverageOut":
        coverage = found.coverage
        run = coverage.consecutive_months
        return cls(
            member_id=member_id,
            at=found.at,
            known_at=found.known_at,
            standing=coverage.standing,
            cover=coverage.cover,
            if_paid=IfPaidOut.of(coverage.if_paid) if coverage.if_paid else None,
            registration=(
                RegistrationOut.of(coverage.registration) if coverage.registration else None
            ),
            paid_through=coverage.paid_through,
            unpaid_months=list(coverage.unpaid_months),
            next_due_on=coverage.next_due_on,
            waiting_period=WaitingPeriod(
                required_months=WAITING_MONTHS,
                consecutive_months=run,
                counted=waiting,
                is_over=run >= WAITING_MONTHS,
            ),
            jkm_benefit=coverage.jkm_benefit,
            months=[PaidMonthOut.of(each) for each in found.months],
        )


class OfferOut(Out):
    """Months that can be billed now: a bill takes the first ones, in this order."""

    months: Annotated[list[MonthText], Field(min_length=1, description="In order.")]
    pay_before: Annotated[datetime, Field(description="First instant that is too late.")]
    opens_registration: Annotated[
        bool, Field(description="The payment registers the member, for the first time or anew.")
    ]
    paid_earlier: Annotated[
        list[MonthText], Field(description="Those paid in an earlier registration already.")
    ]

    @classmethod
    def of(cls, offer: Offer) -> "OfferOut":
        return cls(
            months=list(offer.months),
            pay_before=offer.pay_before,
            opens_registration=offer.opens_registration,
            paid_earlier=list(offer.paid_earlier),
        )


class AttributedOut(Out):
    """The agent or branch of a member from a day until the next period."""

    from_date: Annotated[date, Field(description="First day of the period.")]
    agent_id: Annotated[AgentId | None, Field(description="The agent; null: the branch.")]
    wadah_id: Annotated[WadahId | None, Field(description="The agent's wadah.")]
    branch_code: BranchCode
    region_code: RegionCode
    agent_sees: Annotated[bool, Field(description="Whether the agent may still see the member.")]

    @classmethod
    def of(cls, row: AttributionPeriodRow) -> "AttributedOut":
        return cls.model_validate(row)


class ContributionBasisOut(Out):
    """The facts that price a bill, and the months it may have."""

    member_id: MemberId
    display_name: Annotated[str, Field(description="The member's name, for bills and banks.")]
    sector: Annotated[Sector, Field(description="Sector of the main occupation; decides relief.")]
    declared_income: Annotated[Rupiah, Field(description="Rupiah a month.")]
    programmes: Annotated[list[Programme], Field(description="The programmes to be paid.")]
    employs_others: Annotated[bool, Field(description="Whether JHT is mandatory.")]
    payer: Annotated[Payer, Field(description="Who pays; decides relief.")]
    attribution_no: Annotated[Count, Field(description="Of `periods`; the highest one counts.")]
    periods: Annotated[
        list[AttributedOut],
        Field(
            min_length=1,
            description="Agent or branch of the member today, and from known later days.",
        ),
    ]
    registration: Annotated[
        RegistrationOut | None, Field(description="The open one; null: there is none.")
    ]
    settled_since: Annotated[
        datetime | None,
        Field(
            description="Payments before it belong to earlier registrations; null: there are none."
        ),
    ]
    offers: Annotated[list[OfferOut], Field(description="The proposed one first.")]
    declaration_needed: Annotated[
        bool, Field(description="Working status must be declared before a bill that registers.")
    ]
    not_billable: Annotated[NotBillable | None, Field(description="Why there is no offer.")]


class ContributionBasisLookup(Model):
    """The members of an order of several bills."""

    model_config = with_example(member_ids=["0190a000-0000-7000-8000-000000000001"])

    member_ids: Annotated[
        DistinctIds,
        Field(min_length=1, max_length=MAX_BASES, description="The members, once each."),
    ]


class ContributionBasesOut(Out):
    """The bases of the known members among those asked."""

    items: Annotated[
        list[ContributionBasisOut],
        Field(description="In the order asked; an unknown member is left out."),
    ]


ReportedReason = Literal[
    EndReason.DEATH, EndReason.CLAIM, EndReason.STOPPED_WORKING, EndReason.CHOICE
]
"""A lapse is never reported; it follows from the payments."""


class NewEnding(Model):
    """A report that a membership ends."""

    model_config = with_example(reason="stopped_working", last_day="2026-11-30")

    id: Annotated[UUID | None, Field(description="A UUID that the client makes.")] = None
    reason: Annotated[ReportedReason, Field(description="Why it ends.")]
    last_day: Annotated[
        Day, Field(description="Last day inside: the day of the death, or of the choice.")
    ]


class EndingOut(Out):
    """A reported ending. It ends the registration that is open on its last day."""

    id: RecordId
    member_id: Annotated[MemberId, Field(description="The member.")]
    reason: Annotated[ReportedReason, Field(description="Why it ends.")]
    last_day: Annotated[date, Field(description="Last day inside.")]
    reported_by: Annotated[UUID, Field(description="Account of the officer.")]
    reported_at: Annotated[datetime, Field(description="When it was reported.")]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When the report was taken back; null: it counts.")
    ]


class EndingsOut(Out):
    """The reported endings of a member, the oldest first."""

    items: Annotated[list[EndingOut], Field(description="Withdrawn ones too.")]
