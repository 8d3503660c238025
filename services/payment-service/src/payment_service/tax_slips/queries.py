from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from payment_service.tax_slips.rules import TaxRecap, TaxSum, months_of
from payment_service.taxes.models import Withholding
from payment_service.taxes.rules import TaxCause, TaxKind
from perisai_kit.domain.month import Month

_RETURN = aliased(Withholding)


@dataclass(frozen=True, slots=True)
class Slip:
    """A withholding with tax. returned_on: the day on which the bank returned the payment."""

    withholding: Withholding
    returned_on: date | None


async def list_slips(
    session: AsyncSession,
    *,
    month: Month | None,
    beneficiary_id: UUID | None = None,
    after_id: UUID | None,
    limit: int,
) -> list[Slip]:
    """Return slips of a month and a taxpayer, or of all, in the order of their record."""
    chosen = _slips()
    if month is not None:
        chosen = chosen.where(Withholding.month == month)
    if beneficiary_id is not None:
        chosen = chosen.where(Withholding.beneficiary_id == beneficiary_id)
    if after_id is not None:
        chosen = chosen.where(Withholding.id > after_id)
    rows = await session.execute(chosen.order_by(Withholding.id).limit(limit))
    return [Slip(*row) for row in rows]


async def find_slip(session: AsyncSession, slip_id: UUID) -> Slip | None:
    row = (await session.execute(_slips().where(Withholding.id == slip_id))).one_or_none()
    return None if row is None else Slip(*row)


async def list_recaps(
    session: AsyncSession,
    year: int,
    *,
    beneficiary_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[TaxRecap]:
    """Return the recaps of a year, or the one of a taxpayer, by taxpayer."""
    first, last = months_of(year)
    in_year: list[ColumnElement[bool]] = [Withholding.month >= first, Withholding.month <= last]
    if beneficiary_id is not None:
        in_year.append(Withholding.beneficiary_id == beneficiary_id)
    if after is not None:
        in_year.append(Withholding.beneficiary_id > after)
    persons = (
        select(Withholding.beneficiary_id)
        .where(*in_year)
        .distinct()
        .order_by(Withholding.beneficiary_id)
        .limit(limit)
        .subquery()
    )
    keys = (Withholding.beneficiary_kind, Withholding.beneficiary_id, Withholding.kind)
    summed = (
        select(
            *keys,
            _total(func.sign(Withholding.gross)),
            _total(Withholding.gross),
            _total(Withholding.base),
            _total(Withholding.amount),
        )
        .join(persons, persons.c.beneficiary_id == Withholding.beneficiary_id)
        .where(*in_year)
        .group_by(*keys)
        .order_by(Withholding.beneficiary_id, Withholding.kind)
    )
    rows = (await session.execute(summed)).all()
    return [
        TaxRecap(year, kind, id_, tuple(TaxSum(*row[2:]) for row in own))
        for (kind, id_), own in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


def _slips() -> Select[Withholding, date]:
    return (
        select(Withholding, _RETURN.paid_on)
        .outerjoin(_RETURN, _RETURN.reverses == Withholding.id)
        .where(Withholding.cause == TaxCause.PAID, Withholding.kind != TaxKind.NONE)
    )


def _total(of: Any) -> ColumnElement[int]:
    return cast(func.sum(of), BigInteger)
