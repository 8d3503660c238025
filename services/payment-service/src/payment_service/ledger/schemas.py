from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from payment_service.ledger.rules import Account, AccountClass, AccountPurpose, TransferCode
from perisai_kit.http.types import Out


class LedgerAccountOut(Out):
    """What an account has taken in and given out since the beginning, in whole rupiah."""

    account: Annotated[str, Field(description="Name of the account, with its owner and month.")]
    account_class: Annotated[AccountClass, Field(description="Assets, liabilities or expenses.")]
    purpose: AccountPurpose
    debits: Annotated[int, Field(description="Sum of the debits in rupiah.")]
    credits: Annotated[int, Field(description="Sum of the credits in rupiah.")]
    balance: int = Field(
        description="Rupiah: debits - credits of an asset or expense, else the reverse."
    )

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
    id: Annotated[int, Field(description="Number of the transfer.")]
    debit_account: Annotated[str, Field(description="Account that is debited.")]
    credit_account: Annotated[str, Field(description="Account that is credited.")]
    amount: Annotated[int, Field(description="Whole rupiah.")]
    code: Annotated[TransferCode, Field(description="What kind of transfer it is.")]
    cause: Annotated[
        str,
        BeforeValidator(str),
        Field(description="What it was booked for, such as a payment: its kind and id."),
    ]
    business_on: Annotated[date, Field(description="Day it belongs to, in Jakarta.")]
    booked_at: Annotated[datetime, Field(description="When it was booked.")]
    correction_of: Annotated[int | None, Field(description="The transfer that it takes back.")]
