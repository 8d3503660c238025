from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
)

from agent_service.applications.rules import ApplicationStatus, RejectionReason
from agent_service.bank_accounts.schemas import AccountNo, BankCode
from agent_service.exams.schemas import ExamOut
from agent_service.requirements.rules import Citizenship
from agent_service.requirements.schemas import RequirementCheckOut, RequirementFindingOut
from agent_service.trainings.schemas import TrainingOut
from perisai_kit.http.types import (
    AgentId,
    BranchCode,
    Code,
    Day,
    Instant,
    MemberId,
    Model,
    Out,
    PersonName,
    ReasonText,
    RecordId,
    RegionCode,
    ShortText,
    Text255,
    WadahId,
    with_example,
)
from perisai_kit.privacy.masks import mask_account, mask_name, mask_nik


class NewApplication(Model):
    """An application of the person who is signed in, by one-time code on their own device."""

    model_config = with_example(
        wadah_id="0190a000-0000-7000-8000-000000000001",
        nik="3510111203900001",
        birth_date="1990-03-12",
        full_name="Siti Rahma",
        citizenship="wni",
        bank_code="014",
        account_no="1234567890",
        account_holder_name="Siti Rahma",
        device_description="Android telephone",
        not_bpjs_employee=True,
    )

    wadah_id: WadahId
    nik: Annotated[ShortText, Field(description="16 digits.")]
    birth_date: Annotated[
        Day | None, Field(description="Decides the century where the NIK leaves it open.")
    ] = None
    full_name: Annotated[PersonName, Field(description="Name as on the identity card.")]
    citizenship: Annotated[
        Citizenship, Field(description="`wni` for Indonesians, `wna` for others.")
    ]
    bank_code: Annotated[BankCode, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[AccountNo, Field(description="Bank account for incentives.")]
    account_holder_name: Annotated[
        PersonName, Field(description="Holder of the account; must be the applicant.")
    ]
    device_description: Annotated[
        Text255, Field(description="The telephone the applicant will work with.")
    ]
    not_bpjs_employee: Annotated[
        StrictBool, Field(description="The applicant declares not to be employed by BPJS.")
    ]


class NewApproval(Model):
    model_config = with_example(assignment_letter_number="ST/2026/017")

    assignment_letter_number: Annotated[
        ShortText | None, Field(description="The wadah's Surat Tugas; made by us when left out.")
    ] = None


class CorrectedAccount(Model):
    """The bank account of an application, corrected before its approval."""

    model_config = with_example(
        bank_code="014", account_no="1234567891", account_holder_name="Siti Rahma"
    )

    bank_code: Annotated[BankCode, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[AccountNo, Field(description="Bank account for incentives.")]
    account_holder_name: Annotated[
        PersonName, Field(description="Holder of the account; must be the applicant.")
    ]


class NewRejection(Model):
    model_config = with_example(
        reason_code="requirements_not_met", reason="No certificate of the training."
    )

    reason_code: Annotated[RejectionReason, Field(description="Why, as a code.")]
    reason: ReasonText


class NewWithdrawal(Model):
    model_config = with_example(reason="Applies again with another account.")

    reason: ReasonText | None = None


class Attestation(Model):
    """An officer's statement on a requirement without a check of its own."""

    requirement: Annotated[Code, Field(description="Which requirement.")]
    met: Annotated[StrictBool, Field(description="Whether it is met.")]
    reason_code: Annotated[Code | None, Field(description="Why not, as a code.")] = None


class NewVerification(Model):
    model_config = with_example(attestations=[{"requirement": "npwp", "met": True}])

    attestations: Annotated[
        tuple[Attestation, ...],
        Field(max_length=20, description="What an officer confirms; empty for an applicant."),
    ] = ()


class ApplicationOut(Out):
    """NIK and account number are masked, and names for others than the applicant."""

    id: RecordId
    status: Annotated[ApplicationStatus, Field(description="Status of the application.")]
    reason_code: Annotated[
        str | None, Field(description="Why it was rejected or found incomplete.")
    ]
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    nik: Annotated[Annotated[str, AfterValidator(mask_nik)], Field(description="NIK, masked.")]
    nik_warnings: Annotated[
        list[str],
        Field(description="Warnings about the NIK; nothing was refused because of them."),
    ]
    full_name: Annotated[
        Annotated[str, AfterValidator(mask_name)],
        Field(description="Name; masked for others than the applicant."),
    ]
    citizenship: Annotated[
        Citizenship, Field(description="`wni` for Indonesians, `wna` for others.")
    ]
    not_bpjs_employee: Annotated[
        bool, Field(description="Whether the applicant declared not to be employed by BPJS.")
    ]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[
        Annotated[str, AfterValidator(mask_account)], Field(description="Bank account, masked.")
    ]
    account_holder_name: Annotated[
        Annotated[str, AfterValidator(mask_name)],
        Field(description="Holder of the account; masked for others than the applicant."),
    ]
    device_description: Annotated[
        str, Field(description="The telephone the applicant will work with.")
    ]
    member_id: MemberId | None
    applied_at: Annotated[Instant, Field(description="When the application was sent.")]


class ApplicationChangeOut(Out):
    from_status: Annotated[
        ApplicationStatus | None, Field(description="Status before; null for the first.")
    ]
    to_status: Annotated[ApplicationStatus, Field(description="Status after.")]
    reason_code: Annotated[str | None, Field(description="Why, as a code.")]
    reason: Annotated[str | None, Field(description="Why, in words.")]
    changed_at: Annotated[Instant, Field(description="When it was changed.")]
    changed_by: Annotated[UUID, Field(description="Account that changed it.")]


class ApplicationDetailOut(ApplicationOut):
    requirements: Annotated[
        tuple[RequirementFindingOut, ...],
        Field(description="The latest finding on each requirement."),
    ] = ()
    checks: Annotated[
        tuple[RequirementCheckOut, ...], Field(description="Every check so far.")
    ] = ()
    training: Annotated[TrainingOut | None, Field(description="The training, once recorded.")] = (
        None
    )
    exam: Annotated[ExamOut | None, Field(description="The latest exam, once recorded.")] = None
    history: Annotated[
        tuple[ApplicationChangeOut, ...], Field(description="Every change of status, oldest first.")
    ] = ()
    agent_id: AgentId | None = None


class ApplicantIdentityOut(Out):
    """Unmasked; reading it is recorded."""

    id: RecordId
    nik: Annotated[str, Field(description="NIK, 16 digits.")]
    birth_date: Annotated[date, Field(description="Date of birth.")]
    full_name: Annotated[str, Field(description="Full name.")]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[str, Field(description="Bank account for incentives.")]
    account_holder_name: Annotated[str, Field(description="Holder of the account.")]
