from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool

from payment_service.schemes import rules
from payment_service.schemes.rules import PARTS, SchemeStatus, SchemeVerdict
from perisai_kit.http.types import (
    LongText,
    Model,
    MonthText,
    Out,
    RecordId,
    ShortText,
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

    first_index: MonthIndex
    last_index: MonthIndex | None = None
    rate_bps: Rate


class AcquisitionAmount(Model):
    """What a new member is worth by the number of programmes first paid."""

    model_config = ConfigDict(from_attributes=True)

    programmes: Annotated[int, Field(ge=1, le=3, strict=True)]
    amount: Incentive


class SchemeTerms(Model):
    """A scheme's numbers; rates in basis points, amounts in whole rupiah."""

    model_config = ConfigDict(from_attributes=True)

    tiers: tuple[CommissionTier, ...] = Field(max_length=20)
    acquisition_by_programmes: tuple[AcquisitionAmount, ...] = Field(max_length=3)
    acquisition_fixed: Incentive
    threshold: int = Field(ge=1, le=10**6, strict=True, description="New members in a month.")
    agent_share_bps: BasisPoints
    wadah_share_bps: BasisPoints
    override_bps: BasisPoints
    sponsored: StrictBool

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
        )

    @classmethod
    def of(cls, terms: rules.Terms) -> Self:
        """Return the document of terms."""
        return cls.model_validate(terms)


class NewScheme(Model):
    name: ShortText
    first_month: MonthText
    terms: SchemeTerms
    source: LongText = Field(description="Where the numbers come from: regulation, article, page.")


class SchemeDecision(Model):
    verdict: SchemeVerdict


class CommissionSchemeOut(Out):
    """Nobody is named on the schemes the platform began with."""

    id: RecordId
    name: str
    first_month: MonthText
    terms: SchemeTerms
    source: str
    status: SchemeStatus
    proposed_by: UUID | None
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
