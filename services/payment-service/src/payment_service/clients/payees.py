"""What we ask agent-service before money is paid: where, to whom, and what is known for tax."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from payment_service.payees.rules import PayeeKind
from perisai_kit.domain.errors import Unavailable
from perisai_kit.domain.nik import NikStatus
from perisai_kit.http.types import Instant, Text255
from perisai_kit.services.client import ServiceClient

MAX_PAYEES = 200
"""agent-service answers no more at once."""


class _Answer(BaseModel):
    """A part of agent-service's answer; fields it may add later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PayeeAccount(_Answer):
    """payouts_frozen_until: nothing is paid out to it before; None: at once."""

    bank_account_id: UUID
    bank_code: str
    account_no: str
    holder_name: Text255
    payouts_frozen_until: Instant | None


class PayeeTax(_Answer):
    """npwp: None: there is none. nik_status: of an agent."""

    tax_identity_id: UUID
    npwp: str | None
    nik_status: NikStatus | None


class PayeeDetails(_Answer):
    """account, tax: None where agent-service knows none. legal_entity: of a wadah."""

    holder_kind: PayeeKind
    holder_id: UUID
    legal_entity: bool | None
    account: PayeeAccount | None
    tax: PayeeTax | None


class _Payees(_Answer):
    items: tuple[PayeeDetails, ...]


class PayeesClient:
    """Asks agent-service for payees. No transaction may be open."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, holder_ids: Sequence[UUID], *, on: date) -> dict[UUID, PayeeDetails]:
        """Return the known ones of at most 200 agents and wadahs, by their ids.

        on: the day whose tax identities are wanted.
        Raises: Unavailable when agent-service gives no readable answer.
        """
        asked = {"holder_ids": [str(each) for each in holder_ids], "on": on.isoformat()}
        answer = await self._client.post("/v1/payees", asked)
        try:
            found = _Payees.model_validate(answer)
        except ValidationError:
            # The answer holds account numbers: neither the error nor its text may go on.
            raise Unavailable("The payees' data cannot be read.") from None
        return {each.holder_id: each for each in found.items}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _payees(request: Request) -> PayeesClient:
    client: PayeesClient = request.app.state.payees
    return client


Payees = Annotated[PayeesClient, Depends(_payees)]
