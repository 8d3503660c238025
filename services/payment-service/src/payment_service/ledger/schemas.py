from datetime import date, datetime
from typing import Self

from pydantic import Field

from payment_service.ledger.rules import Account, AccountClass, AccountPurpose, TransferCode
from perisai_kit.http.types import Out


class LedgerAccountOut(Out):
    """What an account has taken in and given out since the beginning, in whole rupiah."""

    account: str
    account_class: AccountClass
    purpose: AccountPurpose
    debits: int
    credits: int
    balance: int = Field(description="Debits - credits of an asset or expense, else the reverse.")

    @classmethod
    def of(cls, account: Account, *, debits: int, credits: int) -> Self:
        owed = account.account_class is AccountClass.LIABILITY
        return cls(
            account=str(account),
            account_class=account.account_class,
            purpose=account.purpose,
            debits=debits,
            credits=credits,
            balance=credits - debits if owed else debits - credits,
        )


class LedgerTransferOut(Out):
    id: int
    debit_account: str
    credit_account: str
    amount: int
    code: TransferCode
    key: str
    cause: str
    business_on: date
    booked_at: datetime
    correction_of: int | None
