"""Collect what a statement document says, and prove it before it is given out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.banks import service as banks
from payment_service.bills.people import BillPeople, list_people
from payment_service.commissions.rules import CommissionRule
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import StatementNotFound
from payment_service.incentive_statements.schemas import IncentiveStatementOut
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import Booked, Cause, CauseKind, TransferCode
from payment_service.statement_documents import queries, rules
from payment_service.statement_documents.queries import PaidLine
from payment_service.statement_documents.rules import (
    FileFormat,
    LineGroup,
    Stated,
    StatementUnproven,
)
from payment_service.visibility import may_name_beneficiary, visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.month import Month
from perisai_kit.privacy.read_audit import audit_read
from perisai_kit.runtime.log import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Explained:
    """A statement with its lines and postings. names: whether its agents may be named.

    groups: its lines added up, where there are too many to print each; then `lines` is empty.
    """

    statement: Statement
    shown: IncentiveStatementOut
    lines: Sequence[PaidLine]
    groups: Sequence[LineGroup]
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
        found |= {each.agent_id for each in self.groups if each.agent_id is not None}
        return found | ({self.statement.beneficiary_id} if own else set())


@dataclass(frozen=True, slots=True)
class Collected:
    """Statements of a month, with what the ledger owes for each. named: agents to be named.

    is_summary: whether there are too many to print each.
    """

    statements: Sequence[IncentiveStatementOut]
    accrued: Mapping[UUID, int]
    named: Collection[UUID]
    is_summary: bool


async def explain(
    session: AsyncSession,
    principal: Principal,
    statement_id: UUID,
    *,
    file_format: FileFormat | None = None,
) -> Explained:
    """Return a statement that the subject may see, with its lines and postings.

    file_format: None: as JSON. Raises: StatementNotFound, DocumentTooLong, StatementUnproven.
    """
    limit = rules.find_limit(file_format)
    statement = await statements.get_visible(session, principal, statement_id)
    rules.check_length(statement.line_count, limit=limit)
    accrued = (await _sum_accrued(session, [statement])).get(statement.id, 0)
    of_statement = (session, statement.beneficiary_id, statement.month)
    lines: Sequence[PaidLine] = []
    groups: Sequence[LineGroup] = []
    if rules.is_summarised(file_format, statement.line_count):
        groups = await queries.sum_paid_lines(*of_statement, kind=statement.beneficiary_kind)
        rules.check_length(_count_printed(groups), limit=rules.MAX_PRINTED_ROWS)
        _prove(statement, accrued, ((each.rule, each.parts) for each in groups))
    else:
        lines = await queries.list_paid_lines(*of_statement, limit=limit + 1)
        _prove(statement, accrued, ((each.line.rule, each.line.parts) for each in lines))
    bill_ids = {each.bill_id for each in lines if each.bill_id is not None}
    audit_read(id_ for each in lines for id_ in (each.line.member_id, each.line.agent_id))
    own = statement.beneficiary_kind is BeneficiaryKind.AGENT
    audit_read(statement.beneficiary_id if own else each.agent_id for each in groups)
    (shown,) = await statements.show(session, [statement])
    return Explained(
        statement=statement,
        shown=shown,
        lines=lines,
        groups=groups,
        people=await list_people(session, principal, bill_ids),
        bank_names=await banks.list_names(session),
        postings=[
            *await ledger.list_of_cause(session, Cause(CauseKind.STATEMENT, statement.id)),
            *await holds.list_postings(session, statement.id),
        ],
        names=may_name_beneficiary(principal, statement),
    )


async def collect(
    session: AsyncSession,
    principal: Principal,
    month: Month,
    *,
    wadah_id: UUID | None,
    branch_code: str | None,
    file_format: FileFormat | None = None,
) -> Collected:
    """Return the statements of a closed month that the subject may see.

    wadah_id, branch_code: only of this wadah and its agents, or of this branch. file_format: None:
    as JSON.
    Raises: StatementNotFound where there are none; DocumentTooLong, StatementUnproven.
    """
    limit = rules.find_limit(file_format)
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
    is_summary = rules.is_summarised(file_format, len(found))
    if is_summary:
        rules.check_length(len({each.wadah_id for each in found}), limit=rules.MAX_PRINTED_ROWS)
    agents = [
        each for each in found if each.beneficiary_kind is BeneficiaryKind.AGENT and not is_summary
    ]
    audit_read(each.beneficiary_id for each in agents)
    named = [each.beneficiary_id for each in agents if may_name_beneficiary(principal, each)]
    return Collected(await statements.show(session, found), accrued, named, is_summary)


async def _sum_accrued(session: AsyncSession, found: Sequence[Statement]) -> dict[UUID, int]:
    """Return what the ledger owes for each statement, in rupiah, signed."""
    return await ledger.sum_of_causes(
        session,
        [each.id for each in found],
        plus=TransferCode.INCENTIVE_ACCRUED,
        minus=TransferCode.INCENTIVE_REVERSED,
    )


def _count_printed(groups: Sequence[LineGroup]) -> int:
    """Return how many rows a summary has: one an agent of a wadah, else one a group."""
    agents = {each.agent_id for each in groups if each.agent_id is not None}
    return len(agents) or len(groups)


def _prove(statement: Statement, accrued: int, lines: Iterable[tuple[CommissionRule, int]]) -> None:
    parts = {
        CommissionRule.CONTRIBUTION: statement.contribution_parts,
        CommissionRule.ACQUISITION: statement.acquisition_parts,
        CommissionRule.OVERRIDE: statement.override_parts,
    }
    stated = Stated(statement.amount, parts, accrued)
    if not rules.is_proven(stated, lines):
        _refuse(statement)


def _refuse(statement: Statement) -> NoReturn:
    log.error("statement.refused", statement_id=str(statement.id))
    raise StatementUnproven
