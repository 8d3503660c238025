from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from payment_service.bank_history.rules import PartnerChangeKind
from perisai_kit.http.types import AccountId, Out, RecordId


class PartnerChangeOut(Out):
    """One change of a bank partner, without any secret."""

    id: RecordId
    at: Annotated[datetime, Field(description="When it was changed.")]
    change: Annotated[PartnerChangeKind, Field(description="What was done.")]
    author_id: AccountId
    version: Annotated[int, Field(description="Version of the bank partner after the change.")]
    before: Annotated[
        dict[str, Any],
        Field(description="The values that differ, before; `hidden` stands for a secret."),
    ]
    after: Annotated[dict[str, Any], Field(description="The same values, after.")]
