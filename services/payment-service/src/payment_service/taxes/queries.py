from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.taxes.models import (
    TaxComputation,
    TaxComputationItem,
    TaxRemittance,
    Withholding,
)
from payment_service.taxes.rules import TaxCause, TaxKind
from perisai_kit.db.bulk import any_id, insert_once, insert_rows_statement
from perisai_kit.domain.month import Month

Rows = Sequence[Mapping[str, Any]]
SumsByTax = Mapping[tuple[Month, TaxKind], int]


async def insert_computations(session: AsyncSession, rows: Rows, items: Rows) -> None:
    await session.execute(insert_rows_statement(TaxComputation, rows))
    await session.execute(insert_rows_statement(TaxComputationItem, items))


async def list_computations(session: AsyncSession, payout_id: UUID) -> Sequence[TaxComputation]:
    chosen = select(TaxComputation).where(TaxComputation.payout_id == payout_id)
    return (await session.scalars(chosen.order_by(TaxComputation.beneficiary_id))).all()


async def list_withheld(session: AsyncSession, payout_id: UUID) -> Sequence[Withholding]:
    """Return what was withheld when a payout was paid, whether or not it was returned."""
    chosen = select(Withholding).where(
        Withholding.payout_id == payout_id, Withholding.cause == TaxCause.PAID
    )
    return (await session.scalars(chosen.order_by(Withholding.beneficiary_id))).all()


async def insert_once_withholdings(session: AsyncSession, rows: Rows) -> Sequence[UUID]:
    """Insert rows that are not there yet; return the computations of those inserted.

    Waits for another transaction that inserts the same.
    """
    statement = insert_rows_statement(Withholding, rows).on_conflict_do_nothing()
    inserted = await session.scalars(statement.returning(Withholding.computation_id))
    return inserted.all()


def withheld_items(computation_ids: Sequence[UUID], kind: TaxKind) -> Select[Any]:
    """Return the query of the taxed items of computations: cause_id, part, amount."""
    taxed: list[Any] = [
        TaxComputationItem.item_id.label("cause_id"),
        cast(TaxComputation.beneficiary_id, Text).label("part"),
        TaxComputationItem.amount,
    ]
    return (
        select(*taxed)
        .join(TaxComputation, TaxComputation.id == TaxComputationItem.computation_id)
        .where(
            TaxComputationItem.computation_id == any_id(computation_ids),
            TaxComputation.kind == kind,
            TaxComputationItem.amount > 0,
        )
    )


def remitted(remittance_id: UUID) -> Select[Any]:
    """Return the query of a remittance: cause_id, part, amount."""
    part = func.concat(TaxRemittance.kind, ":", TaxRemittance.month).label("part")
    columns: list[Any] = [TaxRemittance.id.label("cause_id"), part, TaxRemittance.amount]
    return select(*columns).where(TaxRemittance.id == remittance_id)


async def insert_once_remittance(
    session: AsyncSession, remittance: TaxRemittance
) -> TaxRemittance | None:
    return await insert_once(session, remittance)


async def find_remittance(session: AsyncSession, remittance_id: UUID) -> TaxRemittance | None:
    return await session.get(TaxRemittance, remittance_id)


async def sum_withheld(session: AsyncSession, months: Collection[Month]) -> SumsByTax:
    """Return what was withheld in months net of returns, in rupiah."""
    return await _sum_by_tax(session, Withholding, months)


async def sum_remitted(session: AsyncSession, months: Collection[Month]) -> SumsByTax:
    """Return what was remitted for months net of returns, in rupiah."""
    return await _sum_by_tax(session, TaxRemittance, months)


async def _sum_by_tax(session: AsyncSession, table: Any, months: Collection[Month]) -> SumsByTax:
    total = cast(func.sum(table.amount), BigInteger)
    chosen = select(table.month, table.kind, total).where(table.month.in_(months))
    rows = await session.execute(chosen.group_by(table.month, table.kind))
    return {(month, kind): amount for month, kind, amount in rows}
