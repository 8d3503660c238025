"""Client of payment-service: the bank partners that there are."""

import uuid

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import NotFound, Unavailable
from perisai_kit.services.client import ServiceClient


class _BankPartner(BaseModel):
    id: uuid.UUID


async def has_bank_partner(client: ServiceClient, partner_id: str) -> bool:
    """Tell whether there is a bank partner with this id, written as payment-service writes it.

    Raises: Unavailable without a readable answer.
    """
    try:
        if str(uuid.UUID(partner_id)) != partner_id:
            return False
    except ValueError:
        return False
    try:
        answer = await client.get(f"/v1/bank-partners/{partner_id}")
        return str(_BankPartner.model_validate(answer).id) == partner_id
    except NotFound:
        return False
    except ValidationError:
        raise Unavailable from None
