"""Look up where agents and wadahs are paid, and what is known of them for tax."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.agents import service as agents
from agent_service.bank_accounts import service as bank_accounts
from agent_service.bank_accounts.models import BankAccount
from agent_service.holders.rules import HolderKind
from agent_service.tax_identities import service as tax_identities
from agent_service.tax_identities.models import TaxIdentity
from agent_service.wadahs import service as wadahs


@dataclass(frozen=True, slots=True)
class Payee:
    """legal_entity: of a wadah. account, tax: None where there is none."""

    kind: HolderKind
    id: UUID
    legal_entity: bool | None
    account: BankAccount | None
    tax: TaxIdentity | None


async def list_payees(
    session: AsyncSession, holder_ids: Sequence[UUID], *, on: date
) -> list[Payee]:
    """Return the agents and wadahs among these ids, by id, and record the reading.

    on: the day whose tax identities are wanted.
    """
    known: list[tuple[HolderKind, UUID, bool | None]] = [
        (HolderKind.AGENT, each.id, None) for each in await agents.list_named(session, holder_ids)
    ]
    known += [
        (HolderKind.WADAH, each.id, each.legal_entity)
        for each in await wadahs.list_by_ids(session, holder_ids)
    ]
    accounts = await bank_accounts.find_current(session, holder_ids)
    taxes = await tax_identities.find_holding(session, holder_ids, on=on)
    return [
        Payee(kind, id_, legal_entity, accounts.get(id_), taxes.get(id_))
        for kind, id_, legal_entity in sorted(known, key=lambda each: each[1])
    ]
