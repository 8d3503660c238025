from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from agent_service.holders.rules import HolderKind
from agent_service.tax_identities.rules import (
    TaxIdentityStatus,
    TaxIdentityVerdict,
    parse_npwp,
)
from perisai_kit.domain.nik import NikStatus
from perisai_kit.http.types import (
    AccountId,
    AgentId,
    Day,
    Instant,
    Model,
    Out,
    RecordId,
    ShortText,
    WadahId,
    with_example,
)
from perisai_kit.privacy.masks import mask_account


def _npwp(text: str) -> str:
    digits = parse_npwp(text)
    if digits is None:
        raise PydanticCustomError("npwp", "must be an NPWP of 15 or 16 digits")
    return digits


def _mask(npwp: str | None) -> str | None:
    return None if npwp is None else mask_account(npwp)


Npwp = Annotated[
    ShortText,
    AfterValidator(_npwp),
    Field(
        description="NPWP of 15 or 16 digits; dots and dashes are left out.",
        examples=["01.234.567.8-901.000"],
    ),
]


class NewTaxIdentity(Model):
    """A proposal: what holds for tax of one agent or one wadah from a day on."""

    model_config = with_example(
        agent_id="0190a000-0000-7000-8000-000000000001",
        npwp="01.234.567.8-901.000",
        nik_status="valid",
        holds_from="2026-01-01",
    )

    agent_id: AgentId | None = None
    wadah_id: WadahId | None = None
    npwp: Npwp | None = None
    nik_status: Annotated[
        NikStatus | None,
        Field(
            description="Of an agent: whether the NIK serves as NPWP; unverified if left out. "
            "A wadah has none."
        ),
    ] = None
    holds_from: Annotated[Day, Field(description="First day on which it holds.")]


class TaxIdentityDecision(Model):
    """What another officer decides on a proposed tax identity."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[TaxIdentityVerdict, Field(description="Approved or rejected.")]


class TaxIdentityOut(Out):
    """The NPWP is masked."""

    id: RecordId
    holder_kind: Annotated[HolderKind, Field(description="An agent or a wadah.")]
    holder_id: Annotated[UUID, Field(description="Id of the agent or wadah.")]
    npwp: Annotated[
        Annotated[str | None, AfterValidator(_mask)],
        Field(description="NPWP, masked; null: there is none."),
    ]
    nik_status: Annotated[
        NikStatus | None,
        Field(description="Of an agent: whether the NIK is valid and serves as NPWP."),
    ]
    holds_from: Annotated[date, Field(description="First day on which it holds.")]
    status: Annotated[TaxIdentityStatus, Field(description="Proposed, approved or rejected.")]
    proposed_by: AccountId
    proposed_at: Annotated[Instant, Field(description="When it was proposed.")]
    decided_by: Annotated[UUID | None, Field(description="Account of the officer who decided.")]
    decided_at: Annotated[Instant | None, Field(description="When it was decided.")]


class TaxIdentityNumberOut(Out):
    """Unmasked; reading it is recorded."""

    id: RecordId
    npwp: Annotated[str | None, Field(description="NPWP, 15 or 16 digits; null: there is none.")]
