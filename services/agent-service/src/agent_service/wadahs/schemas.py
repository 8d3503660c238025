from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool

from agent_service.agreements.schemas import AgreementOut, NewAgreement
from agent_service.wadahs.rules import TerminationReason, WadahKind, WadahStatus
from perisai_kit.http.types import (
    BranchCode,
    Code,
    DistinctIds,
    Instant,
    Model,
    Out,
    ReasonText,
    RecordId,
    RegionCode,
    ShortText,
    WadahId,
    with_example,
)
from perisai_kit.services.names.agents import MAX_NAMES


class NewWadah(Model):
    model_config = with_example(
        name="Rukun Nelayan",
        kind="association",
        legal_entity=False,
        branch_code="BWI",
        agreement={"number": "PKS/2026/001", "starts_on": "2026-01-01", "ends_on": "2026-12-31"},
    )

    name: Annotated[ShortText, Field(description="Name of the wadah.")]
    kind: Annotated[WadahKind, Field(description="Organisation or association.")]
    legal_entity: Annotated[StrictBool, Field(description="Whether it is a legal entity.")]
    branch_code: Annotated[Code, Field(description="Branch that looks after it.")]
    agreement: Annotated[
        NewAgreement | None, Field(description="First agreement, if there is one.")
    ] = None


class NewTermination(Model):
    model_config = with_example(
        reason_code="agreement_ended", reason="The agreement was not renewed."
    )

    reason_code: Annotated[TerminationReason, Field(description="Why, as a code.")]
    reason: ReasonText


class CautionOut(Out):
    """A warning; nothing was refused because of it."""

    code: Annotated[str, Field(description="Code of the warning.")]
    minimum: Annotated[int | None, Field(description="How many there should be.")] = None
    found: Annotated[int | None, Field(description="How many there are.")] = None


class WadahChangeOut(Out):
    from_status: Annotated[
        WadahStatus | None, Field(description="Status before; null for the first.")
    ]
    to_status: Annotated[WadahStatus, Field(description="Status after.")]
    reason_code: Annotated[str | None, Field(description="Why, as a code.")]
    reason: Annotated[str | None, Field(description="Why, in words.")]
    changed_at: Annotated[Instant, Field(description="When it was changed.")]
    changed_by: Annotated[UUID, Field(description="Account that changed it.")]


class WadahOut(Out):
    """`active`: not terminated, and an agreement covers today."""

    id: RecordId
    name: Annotated[str, Field(description="Name of the wadah.")]
    kind: Annotated[WadahKind, Field(description="Organisation or association.")]
    legal_entity: Annotated[bool, Field(description="Whether it is a legal entity.")]
    branch_code: BranchCode
    region_code: RegionCode
    status: Annotated[WadahStatus, Field(description="Whether it is terminated.")]
    active: Annotated[
        bool, Field(description="Whether it is not terminated and an agreement covers today.")
    ] = False


class WadahDetailOut(WadahOut):
    reason_code: Annotated[TerminationReason | None, Field(description="Why it was terminated.")]
    agent_count: Annotated[int, Field(description="How many agents it has.")]
    created_at: Annotated[Instant, Field(description="When it was created.")]
    agreements: Annotated[
        tuple[AgreementOut, ...], Field(description="Its agreements, oldest first.")
    ] = ()
    warnings: Annotated[
        tuple[CautionOut, ...], Field(description="Warnings; nothing was refused because of them.")
    ] = ()
    history: Annotated[
        tuple[WadahChangeOut, ...], Field(description="Every change of status, oldest first.")
    ] = ()


class WadahNameLookup(Model):
    """The wadahs whose names another service needs."""

    model_config = with_example(wadah_ids=["0190a000-0000-7000-8000-000000000001"])

    wadah_ids: Annotated[
        DistinctIds,
        Field(min_length=1, max_length=MAX_NAMES, description="The wadahs, once each."),
    ]


class WadahNameOut(Out):
    """A wadah is no person; its name is not secret."""

    wadah_id: WadahId
    name: Annotated[str, Field(description="Name of the wadah.")]


class WadahNamesOut(Out):
    """The names of the known wadahs among those asked."""

    items: Annotated[
        list[WadahNameOut], Field(description="By id; a wadah that is missing is unknown.")
    ]
