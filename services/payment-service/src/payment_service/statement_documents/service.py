"""Collect what a statement document says, and prove it before it is given out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.bills.people import BillPeople, list_people
from payment_service.commissions.rules import CommissionRule
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import StatementNotFound
from payment_service.incentive_statements.schemas import IncentiveStatementOut
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import Booked, Cause, CauseKind, TransferCode
from payment_service.statement_documents import queries, rules
from payment_service.statement_documents.queries import PaidLine
from payment_service.statement_documents.rules import Stated, StatementUnproven
from payment_service.visibility import may_name_beneficiary, visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.month import Month
from perisai_kit.privacy.read_audit import audit_read
from perisai_kit.runtime.log import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Explained:
    """A statement with its lines and postings. names: whether its agents may be named."""

    statement: Statement
    shown: IncentiveStatementOut
    lines: Sequence[PaidLine]
    people: Mapping[UUID, BillPeople]
    bank_names: Mapping[UUID, str]
    postings: Sequence[Booked]
    names: bool

    @property
    def agent_ids(self) -> set[UUID]:
        """The agents whose names the document shows."""
        if not self.names:
            return set()
        own = self.statement.beneficiary_kind is BeneficiaryKind.AGENT
        found = {each.line.agent_id for each in self.lines}
        return found | ({self.statement.beneficiary_id} if own else set())


@dataclass(frozen=True, slots=True)
class Collected:
    """Statements of a month, with what the ledger owes for each. named: agents to be named."""

    statements: Sequence[IncentiveStatementOut]
    accrued: Mapping[UUID, int]
    named: Collection[UUID]


async def explain(
    session: AsyncSession, principal: Principal, statement_id: UUID, *, limit: int
) -> Explained:
    """Return a statement that the subject may see, with all its lines and postings.

    Raises: StatementNotFound, DocumentTooLong, StatementUnproven.
    """
    statement = await statements.get_visible(session, principal, statement_id)
    rules.check_length(statement.line_count, limit=limit)
    lines = await queries.list_paid_lines(
        session, statement.beneficiary_id, statement.month, limit=limit + 1
    )
    accrued = (await _sum_accrued(session, [statement])).get(statement.id, 0)
    _prove(statement, accrued, lines)
    bill_ids = {each.bill_id for each in lines if each.bill_id is not None}
    audit_read(id_ for each in lines for id_ in (each.line.member_id, each.line.agent_id))
    (shown,) = await statements.show(session, [statement])
    return Explained(
        statement=statement,
        shown=shown,
        lines=lines,
        people=await list_people(session, principal, bill_ids),
        bank_names=await banks.list_names(session),
        postings=await ledger.list_of_cause(session, Cause(CauseKind.STATEMENT, statement.id)),
        names=may_name_beneficiary(principal, statement),
    )


async def collect(
    session: AsyncSession,
    principal: Principal,
    month: Month,
    *,
    wadah_id: UUID | None,
    branch_code: str | None,
    limit: int,
) -> Collected:
    """Return the statements of a closed month that the subject may see.

    wadah_id, branch_code: only of this wadah and its agents, or of this branch.
    Raises: StatementNotFound where there are none; DocumentTooLong, StatementUnproven.
    """
    conditions: list[ColumnElement[bool]] = [visible_earnings(principal, Statement)]
    if wadah_id is not None:
        conditions.append(Statement.wadah_id == wadah_id)
    if branch_code is not None:
        conditions.append(Statement.branch_code == branch_code)
    found = await queries.list_statements(session, month, *conditions, limit=limit + 1)
    if not found:
        raise StatementNotFound
    rules.check_length(len(found), limit=limit)
    accrued = await _sum_accrued(session, found)
    for each in found:
        if each.amount != accrued.get(each.id, 0):
            _refuse(each)
    agents = [each for each in found if each.beneficiary_kind is BeneficiaryKind.AGENT]
    audit_read(each.beneficiary_id for each in agents)
    named = [each.beneficiary_id for each in agents if may_name_beneficiary(principal, each)]
    return Collected(await statements.show(session, found), accrued, named)


async def _sum_accrued(session: AsyncSession, found: Sequence[Statement]) -> dict[UUID, int]:
    """Return what the ledger owes for each statement, in rupiah, signed."""
    return await ledger.sum_of_causes(
        session,
        [each.id for each in found],
        plus=TransferCode.INCENTIVE_ACCRUED,
        minus=TransferCode.INCENTIVE_REVERSED,
    )


def _prove(statement: Statement, accrued: int, lines: Sequence[PaidLine]) -> None:
    parts = {
        CommissionRule.CONTRIBUTION: statement.contribution_parts,
        CommissionRule.ACQUISITION: statement.acquisition_parts,
        CommissionRule.OVERRIDE: statement.override_parts,
    }
    stated = Stated(statement.amount, parts, accrued)
    if not rules.is_proven(stated, ((each.line.rule, each.line.parts) for each in lines)):
        _refuse(statement)


def _refuse(statement: Statement) -> NoReturn:
    log.error("statement.refused", statement_id=str(statement.id))
    raise StatementUnproven
