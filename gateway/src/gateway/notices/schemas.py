import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.notices.rules import NoticeTemplate
from perisai_kit.http.phones import Phone
from perisai_kit.http.types import Model, MonthText, Out, RecordId, with_example


class NoticeOut(Out):
    id: RecordId
    template: Annotated[NoticeTemplate, Field(description="Which notice it is.")]
    text: str = Field(description="In the language of the request.")
    month: MonthText | None = Field(
        description="Of a notice about an incentive: its month; of a payout, the last one."
    )
    amount: int | None = Field(
        description="Of a notice about an incentive: what the text names, in rupiah."
    )
    created_at: Annotated[datetime, Field(description="When it was created.")]


class NewPhoneNotice(Model):
    model_config = with_example(
        id="0190a000-0000-7000-8000-000000000001",
        phone="+6281234567890",
        template="member_phone_changing",
    )

    id: Annotated[uuid.UUID, Field(description="Made by the service; again, it sends nothing.")]
    phone: Annotated[Phone, Field(description="The number that the notice goes to.")]
    template: Annotated[
        Literal[NoticeTemplate.MEMBER_PHONE_CHANGING], Field(description="Which notice it is.")
    ]


class PhoneNoticeTaken(Out):
    id: RecordId


class SentNoticeOut(Out):
    """A notice that a sandbox stored instead of sending it."""

    template: Annotated[NoticeTemplate, Field(description="Which notice it is.")]
    text: Annotated[str, Field(description="What was sent.")]
    created_at: Annotated[datetime, Field(description="When it was created.")]
