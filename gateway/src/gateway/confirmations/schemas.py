import uuid
from typing import Annotated

from pydantic import Field

from gateway.otp.schemas import OtpCode
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import MemberId, Model, Out, with_example

SubjectId = Annotated[uuid.UUID, Field(description="Id of what is confirmed.")]


class NewConfirmationCode(Model):
    model_config = with_example(
        subject_id="0190a000-0000-7000-8000-000000000001",
        member_id="0190a000-0000-7000-8000-000000000002",
        phone="+6281234567890",
    )

    subject_id: SubjectId
    member_id: MemberId
    phone: Annotated[Phone, Field(description="The member's present telephone number.")]


class ConfirmationCodeSent(Out):
    expires_in: Annotated[int, Field(description="Seconds until the code expires.")]


class ConfirmationTry(Model):
    model_config = with_example(
        subject_id="0190a000-0000-7000-8000-000000000001",
        phone="+6281234567890",
        code="123456",
    )

    subject_id: SubjectId
    phone: Annotated[Phone, Field(description="The number that the code was sent to.")]
    code: Annotated[OtpCode, Field(description="The code that the member reads out.")]


class ConfirmationResult(Out):
    confirmed: Annotated[
        bool, Field(description="Whether it is the latest code, unused and not expired.")
    ]
