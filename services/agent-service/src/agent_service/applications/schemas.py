from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from agent_service.applications.rules import ApplicationState, RejectionReason
from agent_service.dates import TypedDate
from agent_service.requirements.rules import Citizenship
from agent_service.requirements.schemas import (
    ExamOut,
    RequirementCheckOut,
    RequirementFindingOut,
    TrainingOut,
)
from perisai_kit.http.types import Instant, LongText, Model, Out, ShortText, Text255
from perisai_kit.privacy.masks import mask_account, mask_name, mask_nik

BankCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]{1,11}$"),
    Field(description="The bank's code in the payment system.", examples=["014"]),
]
AccountNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{5,34}$")]


class NewApplication(Model):
    """The applicant applies for himself, signed in by one-time code on his own device."""

    wadah_id: UUID
    nik: Annotated[ShortText, Field(description="16 digits.")]
    birth_date: Annotated[
        TypedDate | None, Field(description="Decides the century where the NIK leaves it open.")
    ] = None
    full_name: ShortText
    citizenship: Citizenship
    bank_code: BankCode
    account_no: AccountNo
    account_holder_name: ShortText
    device_description: Text255
    not_bpjs_employee: Annotated[
        StrictBool, Field(description="The applicant declares not to be employed by BPJS.")
    ]


class NewApproval(Model):
    assignment_letter_number: Annotated[
        ShortText | None, Field(description="The wadah's Surat Tugas; made by us when left out.")
    ] = None


class NewRejection(Model):
    reason_code: RejectionReason
    reason: LongText


class NewWithdrawal(Model):
    reason: LongText | None = None


class ApplicationOut(Out):
    """NIK, names and account number are masked."""

    id: UUID
    state: ApplicationState
    reason_code: str | None
    wadah_id: UUID
    branch_code: str
    region_code: str
    nik: Annotated[str, AfterValidator(mask_nik)]
    nik_warnings: list[str]
    full_name: Annotated[str, AfterValidator(mask_name)]
    citizenship: Citizenship
    not_bpjs_employee: bool
    bank_code: str
    account_no: Annotated[str, AfterValidator(mask_account)]
    account_holder_name: Annotated[str, AfterValidator(mask_name)]
    device_description: str
    member_id: UUID | None
    applied_at: Instant


class ApplicationChangeOut(Out):
    from_state: ApplicationState | None
    to_state: ApplicationState
    reason_code: str | None
    reason: str | None
    changed_at: Instant
    changed_by: UUID


class ApplicationDetailOut(ApplicationOut):
    requirements: tuple[RequirementFindingOut, ...] = ()
    checks: tuple[RequirementCheckOut, ...] = ()
    training: TrainingOut | None = None
    exam: ExamOut | None = None
    history: tuple[ApplicationChangeOut, ...] = ()
    agent_id: UUID | None = None


class ApplicantIdentityOut(Out):
    """Unmasked; reading it is recorded."""

    id: UUID
    nik: str
    birth_date: date
    full_name: str
    bank_code: str
    account_no: str
    account_holder_name: str
