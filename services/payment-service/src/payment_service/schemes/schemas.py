from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool

from payment_service.schemes import rules
from payment_service.schemes.rules import PARTS, SchemeStatus, SchemeVerdict
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.http.types import (
    LongText,
    Model,
    MonthText,
    Out,
    RecordId,
    ShortText,
    with_example,
)

BasisPoints = Annotated[
    int, Field(ge=0, le=PARTS, strict=True, description="Basis points: 1,500 is 15 %.")
]
Rate = Annotated[int, Field(gt=0, le=PARTS, strict=True, description="Basis points.")]
MonthIndex = Annotated[int, Field(ge=1, le=1200, strict=True)]
Incentive = Annotated[int, Field(ge=0, le=10**9, strict=True, description="Whole rupiah.")]


class CommissionTier(Model):
    """A share of contributions for the months of a member with agents, from 1, both inside."""

    model_config = ConfigDict(from_attributes=True)

    first_index: Annotated[
        MonthIndex, Field(description="First month of the registration that it applies to.")
    ]
    last_index: Annotated[
        MonthIndex | None, Field(description="Last month it applies to; null: there is no end.")
    ] = None
    rate_bps: Rate


class AcquisitionAmount(Model):
    """What a new member is worth by the number of programmes first paid."""

    model_config = ConfigDict(from_attributes=True)

    programmes: Annotated[
        int, Field(ge=1, le=3, strict=True, description="Programmes of the first paid month.")
    ]
    amount: Incentive


class SchemeTerms(Model):
    """A scheme's numbers; rates in basis points, amounts in whole rupiah."""

    model_config = ConfigDict(from_attributes=True)

    tiers: tuple[CommissionTier, ...] = Field(
        max_length=20,
        description="Shares of contributions by month of the registration, without a month left "
        "out between two of them.",
    )
    acquisition_by_programmes: tuple[AcquisitionAmount, ...] = Field(
        max_length=3, description="What a new member earns, by programmes."
    )
    acquisition_fixed: Incentive
    threshold: int = Field(ge=1, le=10**6, strict=True, description="New members in a month.")
    agent_share_bps: BasisPoints
    wadah_share_bps: BasisPoints
    override_bps: BasisPoints
    sponsored: Annotated[
        StrictBool, Field(description="Whether contributions that somebody else pays earn too.")
    ]
    payee: Annotated[
        PaymentMethod | None,
        Field(
            description="Who is paid the agents' part where the agreement of the wadah does not "
            "say it. Left out: each agent in schemes that begin before 2022-04, later the wadah."
        ),
    ] = None

    def terms(self) -> rules.Terms:
        """Return the terms to compute with."""
        return rules.Terms(
            tiers=tuple(
                rules.Tier(tier.first_index, tier.last_index, tier.rate_bps) for tier in self.tiers
            ),
            acquisition_by_programmes=tuple(
                rules.NewMember(each.programmes, each.amount)
                for each in self.acquisition_by_programmes
            ),
            acquisition_fixed=self.acquisition_fixed,
            threshold=self.threshold,
            agent_share_bps=self.agent_share_bps,
            wadah_share_bps=self.wadah_share_bps,
            override_bps=self.override_bps,
            sponsored=self.sponsored,
            payee=self.payee,
        )

    @classmethod
    def of(cls, terms: rules.Terms) -> Self:
        """Return the document of terms."""
        return cls.model_validate(terms)


class NewScheme(Model):
    """A proposal for the rates of commissions."""

    model_config = with_example(
        name="New Perisai",
        first_month="2027-01",
        terms={
            "tiers": [{"first_index": 1, "last_index": 24, "rate_bps": 1500}],
            "acquisition_by_programmes": [{"programmes": 3, "amount": 15000}],
            "acquisition_fixed": 0,
            "threshold": 25,
            "agent_share_bps": 10000,
            "wadah_share_bps": 0,
            "override_bps": 1000,
            "sponsored": True,
            "payee": "wadah",
        },
        source="Perdir 13/PERDIR.02/042022, incentives",
    )

    name: Annotated[ShortText, Field(description="Name of the scheme.")]
    first_month: Annotated[MonthText, Field(description="First month it applies to.")]
    terms: SchemeTerms
    source: LongText = Field(description="Where the numbers come from: regulation, article, page.")


class SchemeDecision(Model):
    """A decision on a proposed scheme."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[SchemeVerdict, Field(description="Whether the scheme is put in force.")]


class CommissionSchemeOut(Out):
    """Nobody is named on the schemes the platform began with."""

    id: RecordId
    name: Annotated[str, Field(description="Name of the scheme.")]
    first_month: Annotated[MonthText, Field(description="First month it applies to.")]
    terms: SchemeTerms
    source: Annotated[str, Field(description="Where the numbers come from.")]
    status: Annotated[SchemeStatus, Field(description="Proposed, approved or rejected.")]
    proposed_by: Annotated[UUID | None, Field(description="Account that proposed it.")]
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[UUID | None, Field(description="Account that decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
