from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from agent_service.bank_accounts.rules import NameMatch
from agent_service.holders.rules import HolderKind
from perisai_kit.domain.nik import NikStatus
from perisai_kit.http.types import Day, DistinctIds, Instant, Model, Out, with_example

MAX_PAYEES = 200


class PayeeLookup(Model):
    """The agents and wadahs that another service is about to pay."""

    model_config = with_example(
        holder_ids=["0190a000-0000-7000-8000-000000000001"], on="2026-12-04"
    )

    holder_ids: Annotated[
        DistinctIds,
        Field(min_length=1, max_length=MAX_PAYEES, description="Agents and wadahs, once each."),
    ]
    on: Annotated[
        Day | None,
        Field(description="Day for which the tax identity is wanted; today if left out."),
    ] = None


class PayeeAccountOut(Out):
    """Unmasked: the service that asks pays to it."""

    bank_account_id: Annotated[UUID, Field(description="Id of the bank account.")]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    account_no: Annotated[str, Field(description="Number of the account.")]
    holder_name: Annotated[str, Field(description="Holder of the account.")]
    name_match: Annotated[NameMatch, Field(description="What the bank answered on the holder.")]
    verified_at: Annotated[Instant, Field(description="When the bank answered.")]
    payouts_frozen_until: Annotated[
        Instant | None, Field(description="Nothing is paid out to it before; null: at once.")
    ]


class PayeeTaxOut(Out):
    tax_identity_id: Annotated[UUID, Field(description="Id of the tax identity.")]
    npwp: Annotated[str | None, Field(description="NPWP, 15 or 16 digits; null: there is none.")]
    nik_status: Annotated[
        NikStatus | None, Field(description="Of an agent: whether the NIK serves as NPWP.")
    ]
    holds_from: Annotated[date, Field(description="First day on which it holds.")]


class PayeeDetailsOut(Out):
    holder_kind: Annotated[HolderKind, Field(description="An agent or a wadah.")]
    holder_id: Annotated[UUID, Field(description="Id of the agent or wadah.")]
    legal_entity: Annotated[
        bool | None, Field(description="Of a wadah: whether it is a legal entity.")
    ]
    account: Annotated[
        PayeeAccountOut | None, Field(description="The current account; null: there is none.")
    ]
    tax: Annotated[
        PayeeTaxOut | None, Field(description="What holds for tax; null: nothing is known.")
    ]


class PayeesOut(Out):
    """The known agents and wadahs among those asked."""

    items: Annotated[
        list[PayeeDetailsOut], Field(description="By id; one that is missing is unknown.")
    ]
