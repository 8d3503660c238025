"""Requests to payment-service, the only service that calls banks."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError

from perisai_kit.domain.errors import Unavailable
from perisai_kit.services.client import ServiceClient


class AccountVerdict(BaseModel):
    """Answer of a bank. designated: agents may use this bank. outcome: whether names match."""

    designated: bool
    outcome: Literal["match", "mismatch", "not_found", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """A bank account with its holder. No repr: it names a person."""

    bank_code: str
    account_no: str
    holder_name: str


async def verify_account(payments: ServiceClient, account: Account) -> AccountVerdict:
    """Ask the bank whether the account is in this name.

    Raises: Unavailable if there is no readable answer, Invalid for a refused account.
    """
    asked = {
        "bank_code": account.bank_code,
        "account_no": account.account_no,
        "holder_name": account.holder_name,
    }
    answer = await payments.post("/v1/account-verifications", asked)
    try:
        return AccountVerdict.model_validate(answer)
    except ValidationError:
        raise Unavailable from None
