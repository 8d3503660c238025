from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import queries as agents
from payment_service.agents.rules import HeldReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import queries as incentive_holds
from payment_service.incentive_holds.rules import HoldReason
from payment_service.payees.models import PayeeAccount
from payment_service.payees.rules import Payable, PayeeHold, PayeeKind
from payment_service.schemes.rules import Applied
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.programmes import PaymentMethod


async def insert_once(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert accounts; one that is there already changes nothing."""
    await session.execute(insert_rows_statement(PayeeAccount, rows).on_conflict_do_nothing())


class Payables:
    """Who is paid for the rows of a table of statements, as columns: rules.payee_of in SQL.

    table: has the columns of `Statement`. schemes: the approved ones.
    """

    def __init__(self, table: Any, schemes: Iterable[Applied]) -> None:
        self._table = table
        terms = _terms_of(table)
        self.is_of_wadah: ColumnElement[bool] = table.beneficiary_kind == BeneficiaryKind.WADAH
        self.hold = incentive_holds.held_reason(table.id)
        self.ended: ColumnElement[str | None] = terms.c.ended
        self.agreed: ColumnElement[str | None] = terms.c.agreed
        self.scheme = _scheme_of(table, schemes)

    @property
    def _is_paid_to_wadah(self) -> ColumnElement[bool]:
        method = func.coalesce(self.agreed, self.scheme)
        by_method = and_(self.ended.is_(None), method == PaymentMethod.WADAH.value)
        return or_(self.is_of_wadah, by_method)

    @property
    def is_paid_to_another(self) -> ColumnElement[bool]:
        """Whether an agent's statement is paid to the wadah, and not to its beneficiary."""
        return and_(~self.is_of_wadah, self._is_paid_to_wadah)

    @property
    def payee_kind(self) -> ColumnElement[str]:
        wadah, agent = (literal(each.value, Text()) for each in (PayeeKind.WADAH, PayeeKind.AGENT))
        return case((self._is_paid_to_wadah, wadah), else_=agent)

    @property
    def payee_id(self) -> ColumnElement[UUID]:
        table = self._table
        return case((self.is_paid_to_another, table.wadah_id), else_=table.beneficiary_id)

    @property
    def held_reason(self) -> ColumnElement[str | None]:
        table = self._table
        # One question for each column: inside one about `payee_id`, SQL would not mean this row.
        has_account = case(
            (self.is_paid_to_another, _has_account(table.wadah_id)),
            else_=_has_account(table.beneficiary_id),
        )
        no_account = literal(PayeeHold.NO_ACCOUNT.value, Text())
        return func.coalesce(self.hold, case((~has_account, no_account), else_=None))

    def is_paid_to(self, payee_ids: Collection[UUID]) -> ColumnElement[bool]:
        """Return the condition of statements that these agents or wadahs are paid for."""
        table, payees = self._table, any_id(payee_ids)
        # The first condition finds the few rows by their indexes.
        near = or_(table.beneficiary_id == payees, table.wadah_id == payees)
        return and_(near, self.payee_id == payees)


def _terms_of(table: Any) -> FromClause:
    """Return what was agreed with the wadah of each row at its close: `ended` and `agreed`.

    A subquery beside the table, which PostgreSQL answers once for each wadah and close, however
    many rows there are and however often the columns are named.
    """
    closed_on = cast(func.timezone(JAKARTA.key, table.issued_at), Date)
    ended = agents.held_reason(table.wadah_id, on=closed_on, until=table.issued_at)
    agreed = agents.agreed_payment(table.wadah_id, on=closed_on)
    # With OFFSET the planner keeps it so; otherwise it puts the questions in each column's place.
    return select(ended.label("ended"), agreed.label("agreed")).offset(0).lateral("terms")


def _has_account(holder_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    found = select(PayeeAccount.holder_id).where(PayeeAccount.holder_id == holder_id)
    # With OFFSET it is a question about each row; else the planner may read all accounts first.
    return found.offset(0).exists()


def _scheme_of(table: Any, schemes: Iterable[Applied]) -> ColumnElement[str]:
    """Return what the scheme of a month says; before every scheme, as the first one."""
    ordered = sorted(schemes, key=lambda each: each.first_month, reverse=True)
    if not ordered:
        return literal(PaymentMethod.WADAH.value, Text())
    whens = [
        (table.month >= each.first_month, literal(each.payee.value, Text())) for each in ordered
    ]
    return case(*whens, else_=whens[-1][1])


async def find_current_account(session: AsyncSession, holder_id: UUID) -> PayeeAccount | None:
    """Return the account of a payee that was approved last, as far as we know."""
    statement = (
        select(PayeeAccount)
        .where(PayeeAccount.holder_id == holder_id)
        .order_by(PayeeAccount.decided_at.desc(), PayeeAccount.bank_account_id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def find_payables(
    session: AsyncSession, table: Any, ids: Collection[UUID], schemes: Iterable[Applied]
) -> dict[UUID, Payable]:
    """Return these statements with what decides who is paid, by id."""
    payables = Payables(table, schemes)
    rows = await session.execute(
        select(
            table.id,
            table.beneficiary_kind,
            table.beneficiary_id,
            table.wadah_id,
            payables.hold,
            payables.ended,
            payables.agreed,
            payables.scheme,
            _has_account(table.beneficiary_id),
            _has_account(table.wadah_id),
        ).where(table.id == any_id(ids))
    )
    return {
        id_: Payable(
            beneficiary_kind=BeneficiaryKind(kind),
            beneficiary_id=beneficiary_id,
            wadah_id=wadah_id,
            hold=None if hold is None else HoldReason(hold),
            ended=None if ended is None else HeldReason(ended),
            agreed=None if agreed is None else PaymentMethod(agreed),
            scheme=PaymentMethod(scheme),
            accounts=frozenset(
                holder
                for holder, has_account in ((beneficiary_id, has_own), (wadah_id, has_wadahs))
                if has_account
            ),
        )
        for (
            id_,
            kind,
            beneficiary_id,
            wadah_id,
            hold,
            ended,
            agreed,
            scheme,
            has_own,
            has_wadahs,
        ) in rows
    }
