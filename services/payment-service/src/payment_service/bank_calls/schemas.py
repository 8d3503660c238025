from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.bank_access.rules import CallbackCheck
from payment_service.callbacks.rules import CallbackOutcome
from perisai_kit.http.types import Out, PaymentId, RecordId


class BankRequestOut(Out):
    """One call of a bank without its content: no name, no account, no token and no secret."""

    id: RecordId
    received_at: Annotated[datetime, Field(description="When it arrived.")]
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
    http_status: Annotated[int, Field(description="HTTP status of our answer.")]
    response_code: Annotated[
        str, Field(description="SNAP code of our answer; empty where the answer had no body.")
    ]
    response_message: Annotated[str, Field(description="Words of that code.")]
    first_id: Annotated[
        UUID | None, Field(description="The request whose answer was repeated or contradicted.")
    ]
    payment_id: PaymentId | None
    dropped_fields: Annotated[
        list[str],
        Field(
            description="The names of optional fields that were left out because they are badly "
            "formed or not known here; `?` stands for what is no field's name."
        ),
    ]
