from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.payees.rules import PayeeHold, PayeeKind, PayeeReason
from perisai_kit.http.types import Out

PayeeId = Annotated[UUID, Field(description="Id of the agent or wadah that is paid.")]


class StatementPayeeOut(Out):
    """Who is paid what a statement owes."""

    kind: Annotated[PayeeKind, Field(description="An agent or a wadah.")]
    id: PayeeId
    reason: Annotated[
        PayeeReason, Field(description="Why: own incentive, scheme, agreement, or its end.")
    ]
    held_reason: Annotated[
        PayeeHold | None, Field(description="Why nothing is paid out for now; null: it can be.")
    ]
