from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.notices.schemas import SentNoticeOut
from perisai_kit.http.types import Model, Out, Phone

DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
OtpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class CodeRequest(Model):
    phone: Phone
    device_id: DeviceId


class CodeSent(Out):
    """The answer to every request for a code."""

    expires_in: int = Field(description="Seconds until the code expires.")


class OutboxRequest(Model):
    phone: Phone


class OutboxCode(Out):
    code: str
    created_at: datetime


class OutboxOut(Out):
    """Stored codes and notices, newest first."""

    codes: Annotated[list[OutboxCode], Field(max_length=10)]
    notices: Annotated[list[SentNoticeOut], Field(max_length=10)]
