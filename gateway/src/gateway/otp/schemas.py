from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.clients.otp_sender import CodePurpose
from gateway.notices.schemas import SentNoticeOut
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import Model, Out, with_example

DeviceId = Annotated[
    str,
    StringConstraints(
        pattern=describe_form(
            r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$",
            "must be 1 to 100 letters, digits, dots, colons, hyphens or underscores",
            "harus 1 sampai 100 huruf, angka, titik, titik dua, tanda hubung atau garis bawah",
        )
    ),
]
OtpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class CodeRequest(Model):
    model_config = with_example(phone="0812 3456 7890", device_id="a1b2c3d4")

    phone: Annotated[Phone, Field(description="Telephone number that gets the code.")]
    device_id: Annotated[
        DeviceId, Field(description="Id of the device, made by the app; the same for each sign-in.")
    ]


class CodeSent(Out):
    """The answer to every request for a code."""

    expires_in: int = Field(description="Seconds until the code expires.")


class OutboxRequest(Model):
    model_config = with_example(phone="0812 3456 7890")

    phone: Annotated[Phone, Field(description="Telephone number that the messages were sent to.")]


class OutboxCode(Out):
    code: Annotated[str, Field(description="The one-time code.")]
    purpose: Annotated[
        CodePurpose, Field(description="A sign-in, or the confirmation of a change.")
    ]
    created_at: Annotated[datetime, Field(description="When it was created.")]


class OutboxOut(Out):
    """Stored codes and notices, newest first."""

    codes: Annotated[list[OutboxCode], Field(max_length=10, description="Newest first.")]
    notices: Annotated[list[SentNoticeOut], Field(max_length=10, description="Newest first.")]
