from datetime import date
from uuid import UUID

from pydantic import StrictBool

from agent_service.dates import TypedDate
from agent_service.wadahs.rules import TerminationReason, WadahKind, WadahState
from perisai_kit.http.types import Code, Instant, LongText, Model, Out, ShortText


class NewAgreement(Model):
    number: ShortText
    starts_on: TypedDate
    ends_on: TypedDate


class NewWadah(Model):
    name: ShortText
    kind: WadahKind
    legal_entity: StrictBool
    branch_code: Code
    agreement: NewAgreement | None = None


class NewTermination(Model):
    reason_code: TerminationReason
    reason: LongText


class AgreementOut(Out):
    id: UUID
    number: str
    starts_on: date
    ends_on: date
    recorded_at: Instant
    recorded_by: UUID


class CautionOut(Out):
    """Something to look at; nothing was refused because of it."""

    code: str
    minimum: int | None = None
    found: int | None = None


class WadahChangeOut(Out):
    from_state: WadahState | None
    to_state: WadahState
    reason_code: str | None
    reason: str | None
    changed_at: Instant
    changed_by: UUID


class WadahOut(Out):
    """`active`: not terminated, and an agreement covers today."""

    id: UUID
    name: str
    kind: WadahKind
    legal_entity: bool
    branch_code: str
    region_code: str
    state: WadahState
    active: bool = False


class WadahDetailOut(WadahOut):
    reason_code: TerminationReason | None
    agent_count: int
    created_at: Instant
    agreements: tuple[AgreementOut, ...] = ()
    warnings: tuple[CautionOut, ...] = ()
    history: tuple[WadahChangeOut, ...] = ()
