"""Where agents and wadahs are paid, and what is known of them for tax: asked of agent-service."""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.http.types import Instant, Text255
from perisai_kit.services.client import ServiceClient

MAX_PAYEES = 200
"""agent-service answers no more at once."""


class _Answer(BaseModel):
    """A part of agent-service's answer; fields it may add later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class PayeeBankAccount(_Answer):
    """name_match: what the bank answered on the holder; `match` confirms it."""

    bank_account_id: UUID
    bank_code: Text255
    account_no: Text255
    holder_name: Text255
    name_match: str
    payouts_frozen_until: Instant | None


class PayeeTax(_Answer):
    tax_identity_id: UUID
    npwp: Text255 | None
    nik_status: Literal["unverified", "valid", "invalid"] | None


class PayeeDetails(_Answer):
    """account, tax: None where there is none. legal_entity: of a wadah."""

    holder_kind: Literal["agent", "wadah"]
    holder_id: UUID
    legal_entity: bool | None
    account: PayeeBankAccount | None
    tax: PayeeTax | None


class _Payees(_Answer):
    items: tuple[PayeeDetails, ...]


class PayeesClient:
    """Asks agent-service for payees. No transaction may be open."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, holder_ids: Iterable[UUID], *, on: date) -> dict[UUID, PayeeDetails]:
        """Return what is known of agents and wadahs by their ids; unknown ones are left out.

        on: the day whose tax identities are wanted.
        Raises: Unavailable when agent-service gives no readable answer.
        """
        asked = [str(each) for each in dict.fromkeys(holder_ids)]
        found: dict[UUID, PayeeDetails] = {}
        for start in range(0, len(asked), MAX_PAYEES):
            body = {"holder_ids": asked[start : start + MAX_PAYEES], "on": on.isoformat()}
            answer = _read(await self._client.post("/v1/payees", body))
            found.update({each.holder_id: each for each in answer.items})
        return found


def _read(answer: object) -> _Payees:
    try:
        return _Payees.model_validate(answer)
    except ValidationError:
        # The answer holds names and account numbers: neither the error nor its text may go on.
        raise Unavailable("The payees' data cannot be read.") from None
