"""Who is paid for statements, by agreements, schemes, and verified bank accounts."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payees import queries, rules
from payment_service.payees.models import PayeeAccount
from payment_service.payees.queries import Payables
from payment_service.payees.rules import Payee
from payment_service.schemes import service as schemes
from perisai_kit.events.catalogue import BankAccountChanged


async def take_accounts(session: AsyncSession, events: Sequence[BankAccountChanged]) -> None:
    """Store that agents and wadahs have verified bank accounts."""
    names = ("bank_account_id", "holder_kind", "holder_id", "payouts_frozen_until", "decided_at")
    rows = [{name: getattr(each, name) for name in names} for each in events]
    await queries.insert_once(session, rows)


async def make_payables(session: AsyncSession, table: Any) -> Payables:
    """Return, for work on sets, who is paid for the rows of a table of statements."""
    return Payables(table, await schemes.approved(session))


async def find_payees(
    session: AsyncSession, table: Any, ids: Collection[UUID]
) -> dict[UUID, Payee]:
    """Return who is paid for each of these statements, by id."""
    if not ids:
        return {}
    found = await queries.find_payables(session, table, ids, await schemes.approved(session))
    return {id_: rules.payee_of(each) for id_, each in found.items()}


async def find_current_account(session: AsyncSession, holder_id: UUID) -> PayeeAccount | None:
    """Return the account of a payee that was approved last, as far as we know."""
    return await queries.find_current_account(session, holder_id)
