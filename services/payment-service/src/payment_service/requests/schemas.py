from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.callbacks.rules import CallbackCheck, CallbackOutcome
from perisai_kit.http.types import Out


class BankRequestOut(Out):
    """One call of a bank without its content: no name, no account, no token and no secret."""

    id: UUID
    received_at: datetime
    service: Annotated[str, Field(description="Of the standard: 24, 25, or 73 for a token.")]
    source: Annotated[str, Field(description="The address it came from.")]
    target: Annotated[str, Field(description="Path and query as on the wire.")]
    timestamp: Annotated[str | None, Field(description="X-TIMESTAMP as sent.")]
    external_id: Annotated[str | None, Field(description="X-EXTERNAL-ID.")]
    request_id: Annotated[
        str | None, Field(description="inquiryRequestId or paymentRequestId, where it was read.")
    ]
    verdict: Annotated[
        CallbackOutcome | None,
        Field(description="What the message came to; null: it was not believed."),
    ]
    failed_check: Annotated[
        CallbackCheck | None, Field(description="The check at which a call was not believed.")
    ]
    string_to_sign: Annotated[
        str | None,
        Field(
            description="What we expect to be signed; the token stands as the start of its "
            "SHA-256. Null where headers for it were missing."
        ),
    ]
    signed_over: Annotated[
        str | None, Field(description="The form of the body its signature matches; null: none.")
    ]
    http_status: int
    response_code: str
    response_message: str
    first_id: Annotated[
        UUID | None, Field(description="The request whose answer was repeated or contradicted.")
    ]
    payment_id: UUID | None
    dropped_fields: Annotated[
        list[str],
        Field(
            description="The names of optional fields that were left out because they are badly "
            "formed or not known here; `?` stands for what is no field's name."
        ),
    ]
