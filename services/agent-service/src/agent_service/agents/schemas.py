from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator

from agent_service.agents.rules import AgentState, DismissalReason, SuspensionReason
from perisai_kit.http.types import Instant, LongText, Model, Out
from perisai_kit.privacy.masks import mask_account, mask_name


class NewSuspension(Model):
    reason_code: SuspensionReason
    reason: LongText


class NewReinstatement(Model):
    reason: LongText


class NewDismissal(Model):
    reason_code: DismissalReason
    reason: LongText


class AgentOut(Out):
    """Name and account number are masked."""

    id: UUID
    agent_code: str
    application_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: str
    region_code: str
    full_name: Annotated[str, AfterValidator(mask_name)]
    bank_code: str
    account_no: Annotated[str, AfterValidator(mask_account)]
    assignment_letter_number: str
    state: AgentState
    reason_code: str | None
    in_office_since: date
    reinstatement_not_before: date | None
    activated_at: Instant


class AgentChangeOut(Out):
    from_state: AgentState | None
    to_state: AgentState
    reason_code: str | None
    reason: str | None
    changed_at: Instant
    changed_by: UUID


class AgentDetailOut(AgentOut):
    history: tuple[AgentChangeOut, ...] = ()


class AgentIdentityOut(Out):
    """Unmasked; reading it is recorded."""

    id: UUID
    nik: str
    full_name: str
    bank_code: str
    account_no: str
    account_holder_name: str
