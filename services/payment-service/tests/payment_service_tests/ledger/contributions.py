"""Contributions received at one bank, for the tests of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service
from payment_service.ledger.models import Transfer
from payment_service.ledger.rules import TransferCode
from perisai_kit.db.sql import CountedStatement, execute

PARTNER = UUID(int=7)
BANK = f"bank_collection:{PARTNER}"
ROWS = """
    SELECT cause_id, partner_id AS debit_part, credit_part, amount, business_on
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::date[])
        AS moved (cause_id, partner_id, credit_part, amount, business_on)
"""


@dataclass(frozen=True)
class Received:
    """A programme of a month of 2026, paid by the allocation of this number. amount: rupiah."""

    allocation: int = 1
    programme: str = "jkk"
    amount: int = 10_000
    month: int = 11
    partner: UUID = PARTNER


async def book(session: AsyncSession, *received: Received) -> Sequence[Transfer]:
    """Book what was received, and return its transfers."""
    columns = (
        [UUID(int=each.allocation) for each in received],
        [each.partner for each in received],
        [f"{each.programme}:2026-{each.month:02}" for each in received],
        [each.amount for each in received],
        [date(2026, each.month, 5) for each in received],
    )
    rows = CountedStatement(ROWS, columns, count=len(received))
    statement = service.book_statement(rows, code=TransferCode.CONTRIBUTION_RECEIVED)
    ids = [id_ for (id_,) in await execute(session, statement)]
    chosen = select(Transfer).where(Transfer.id.in_(ids)).order_by(Transfer.id)
    return (await session.scalars(chosen)).all()


async def balances(session: AsyncSession) -> dict[str, int]:
    page = await service.list_accounts(session, cursor=None, limit=200)
    return {item.account: item.balance for item in page.items}
