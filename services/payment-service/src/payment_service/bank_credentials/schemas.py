from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.bank_credentials.rules import MAX_OVERLAP_DAYS, ChangeStatus, ChangeVerdict
from payment_service.banks.schemas import Pem, Secret
from perisai_kit.http.types import (
    AccountId,
    Model,
    Out,
    PartnerId,
    RecordId,
    ShortText,
    with_example,
)

OVERLAP_DAYS = (
    "For so many days after the approval the previous credentials stay valid beside the new ones; "
    "0: they end with the approval."
)


class NewCredentialChange(Model):
    """What a bank replaces; what is left out stays as it is."""

    model_config = with_example(allowed_sources=["203.0.113.0/28"], overlap_days=14)

    public_key_pem: Annotated[Pem | None, Field(description="The bank's new RSA key.")] = None
    replaces_client_secret: Annotated[
        bool, Field(strict=True, description="Whether the client secret is replaced.")
    ] = False
    client_secret: Annotated[
        Secret | None,
        Field(description="The new one where it is replaced; made by us when left out."),
    ] = None
    allowed_sources: Annotated[
        tuple[ShortText, ...] | None,
        Field(
            max_length=50,
            description="All addresses or networks from then on; from anywhere when empty.",
        ),
    ] = None
    overlap_days: Annotated[
        int, Field(strict=True, ge=0, le=MAX_OVERLAP_DAYS, description=OVERLAP_DAYS)
    ]


class CredentialChangeDecision(Model):
    """What another person decides on a proposal."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[ChangeVerdict, Field(description="Approved or rejected.")]


class CredentialChangeOut(Out):
    """A proposal to replace credentials of a bank, without any secret, and its decision."""

    id: RecordId
    partner_id: PartnerId
    public_key_pem: Annotated[str | None, Field(description="The bank's new RSA key.")]
    replaces_client_secret: Annotated[
        bool, Field(description="Whether the client secret is replaced.")
    ]
    allowed_sources: Annotated[
        list[str] | None,
        Field(description="The new addresses or networks; from anywhere when empty."),
    ]
    overlap_days: Annotated[int, Field(description=OVERLAP_DAYS)]
    status: Annotated[ChangeStatus, Field(description="Whether it is decided.")]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
    previous_until: Annotated[
        datetime | None,
        Field(description="Until when the previous credentials are valid; null: not approved."),
    ]
    ended_by: Annotated[
        UUID | None, Field(description="Account that ended the previous credentials early.")
    ]


class CredentialChangeProposed(CredentialChangeOut):
    client_secret: Annotated[
        str | None,
        Field(description="Hand it to the bank now: it is never shown again. Null: not replaced."),
    ]
