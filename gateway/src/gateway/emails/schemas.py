from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.accounts.schemas import Reason
from gateway.notices.schemas import SentNoticeOut
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.types import Model, Out, with_example

# As browsers check it (HTML, input type=email), and with a point in the domain.
EmailAddress = Annotated[
    str,
    StringConstraints(
        max_length=254,
        pattern=describe_form(
            r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
            "must be an e-mail address such as ani@example.org",
            "harus berupa alamat email, misalnya ani@example.org",
        ),
    ),
]


class EmailChange(Model):
    model_config = with_example(email="siti.rahma@example.org", reason="Asked for it in writing.")

    email: Annotated[
        EmailAddress | None, Field(description="Where notices go; null: nowhere, only in the app.")
    ]
    reason: Reason


class MailOutboxRequest(Model):
    model_config = with_example(email="siti.rahma@example.org")

    email: Annotated[EmailAddress, Field(description="Address that the notices were sent to.")]


class MailOutboxOut(Out):
    """Stored notices, newest first."""

    notices: Annotated[list[SentNoticeOut], Field(max_length=10, description="Newest first.")]
