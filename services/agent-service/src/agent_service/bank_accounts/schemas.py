from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from agent_service.bank_accounts.rules import BankAccountStatus, BankAccountVerdict, NameMatch
from agent_service.holders.rules import HolderKind
from perisai_kit.http.types import (
    AccountId,
    AgentId,
    Instant,
    Model,
    Out,
    PersonName,
    RecordId,
    WadahId,
    with_example,
)
from perisai_kit.privacy.masks import mask_account, mask_name

BankCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]{1,11}$"),
    Field(description="The bank's code in the payment system.", examples=["014"]),
]
AccountNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{5,34}$")]


class NewBankAccount(Model):
    """A proposal: another bank account of one agent or one wadah."""

    model_config = with_example(
        agent_id="0190a000-0000-7000-8000-000000000001",
        bank_code="014",
        account_no="1234567890",
        holder_name="Siti Rahma",
    )

    agent_id: AgentId | None = None
    wadah_id: WadahId | None = None
    bank_code: Annotated[BankCode, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[AccountNo, Field(description="Number of the account.")]
    holder_name: Annotated[
        PersonName,
        Field(description="Holder of the account as at the bank; of an agent, the agent."),
    ]


class BankAccountDecision(Model):
    """What another officer decides on a proposed account."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[BankAccountVerdict, Field(description="Approved or rejected.")]


class BankAccountOut(Out):
    """The number is masked, and the holder for others than the agent or the own wadah."""

    id: RecordId
    holder_kind: Annotated[HolderKind, Field(description="An agent or a wadah.")]
    holder_id: Annotated[UUID, Field(description="Id of the agent or wadah.")]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[
        Annotated[str, AfterValidator(mask_account)],
        Field(description="Number of the account, masked."),
    ]
    holder_name: Annotated[
        Annotated[str, AfterValidator(mask_name)],
        Field(description="Holder of the account; whole to the agent or the own wadah."),
    ]
    is_first: Annotated[
        bool, Field(description="Whether it comes from the application of the agent.")
    ]
    status: Annotated[
        BankAccountStatus, Field(description="Proposed, rejected, current, or replaced by another.")
    ]
    name_match: Annotated[
        NameMatch | None,
        Field(description="What the bank answered about the holder; null: it was not asked."),
    ]
    verified_at: Annotated[Instant | None, Field(description="When the bank answered.")]
    proposed_by: AccountId
    proposed_at: Annotated[Instant, Field(description="When it was proposed.")]
    decided_by: Annotated[UUID | None, Field(description="Account of the officer who decided.")]
    decided_at: Annotated[Instant | None, Field(description="When it was decided.")]
    payouts_frozen_until: Annotated[
        Instant | None, Field(description="Nothing is paid out to it before; null: at once.")
    ]
    shared_with: Annotated[
        int | None,
        Field(description="How many other agents and wadahs have the same account; offices only."),
    ] = None


class BankAccountIdentityOut(Out):
    """Unmasked; reading it is recorded."""

    id: RecordId
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[str, Field(description="Number of the account.")]
    holder_name: Annotated[str, Field(description="Holder of the account.")]
