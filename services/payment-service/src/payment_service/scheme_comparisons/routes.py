"""What a scheme would have paid in closed months, over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from payment_service.counting.rules import BeneficiaryKind
from payment_service.dependencies import WholeDatabase
from payment_service.principals import Bookkeeper
from payment_service.scheme_comparisons import service
from payment_service.scheme_comparisons.models import SchemeComparison
from payment_service.scheme_comparisons.rules import (
    KEPT,
    Amounts,
    ComparisonNotFound,
    ComparisonSort,
    ComparisonStatus,
    ComparisonUnfinished,
    MonthFigures,
    MonthNotClosed,
    TooManyComparisons,
)
from payment_service.scheme_comparisons.schemas import (
    ComparedAmountsOut,
    ComparedBeneficiaryOut,
    ComparedMonthOut,
    ComparisonFiguresOut,
    ComparisonMonthFiguresOut,
    NewSchemeComparison,
    SchemeComparisonOut,
)
from payment_service.scheme_comparisons.service import Compared
from payment_service.schemes.rules import MonthOutsideProgramme, SchemeNotFound
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents

PREFIX = "/v1/scheme-comparisons"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

ComparisonId = Annotated[UUID, Path(description="Id of the comparison.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        SchemeNotFound,
        MonthOutsideProgramme,
        MonthNotClosed,
        TooManyComparisons,
    ),
)
async def ask(new: NewSchemeComparison, session: Session, asker: Bookkeeper) -> SchemeComparisonOut:
    """Ask what a scheme would have paid in closed months, proposed or approved.

    It is computed in the background by the rules that book commission, and changes nothing that is
    earned, stated or owed. Read it at its own address until its status is `done`.
    """
    found = await service.ask(
        session,
        scheme_id=new.scheme_id,
        first=new.first_month,
        month_count=new.month_count,
        by=asker.account_id,
    )
    return _comparison_out(found)


@reading.get("")
async def list_comparisons(
    session: ReadSession, _: Bookkeeper, cursor: Cursor = None, limit: Limit = 50
) -> Page[SchemeComparisonOut]:
    """List the comparisons of the last 30 days, the latest first."""
    found = await service.list_comparisons(session, cursor=cursor, limit=limit)
    return found.page(_comparison_out)


@reading.get("/{comparison_id}", responses=problems(ComparisonNotFound))
async def get_comparison(
    comparison_id: ComparisonId, session: ReadSession, _: Bookkeeper
) -> SchemeComparisonOut:
    """Return a comparison: how far it is, and what each month comes to."""
    return _comparison_out(await service.get(session, comparison_id))


@reading.get(
    "/{comparison_id}/beneficiaries",
    responses=problems(ComparisonNotFound, ComparisonUnfinished),
)
async def list_beneficiaries(
    comparison_id: ComparisonId,
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    beneficiary_kind: Annotated[
        BeneficiaryKind, Query(description="Agents or wadahs.")
    ] = BeneficiaryKind.AGENT,
    wadah_id: Annotated[UUID | None, Query(description="Only those of this wadah.")] = None,
    sort: Annotated[
        ComparisonSort, Query(description="By the difference; a leading `-` is descending.")
    ] = ComparisonSort.GAIN,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ComparedBeneficiaryOut]:
    """List what each agent or wadah got, and what they would get under the scheme.

    A cursor is valid for the same filters and the same order only. Reading is recorded.
    """
    async with database.read_replica() as session:
        found = await service.list_beneficiaries(
            session,
            comparison_id,
            beneficiary_kind,
            wadah_id=wadah_id,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
    is_agent = beneficiary_kind is BeneficiaryKind.AGENT
    ids = [each.beneficiary.beneficiary_id for each in found.items] if is_agent else []
    names = await agents.find_names(ids)
    return found.page(lambda row: _beneficiary_out(row, names))


def _comparison_out(found: SchemeComparison) -> SchemeComparisonOut:
    is_done = found.status is ComparisonStatus.DONE
    months = [MonthFigures.of_stored(each) for each in found.figures] if is_done else []
    return SchemeComparisonOut(
        id=found.id,
        scheme_id=found.scheme_id,
        first_month=found.first_month,
        last_month=found.last_month,
        status=found.status,
        payments_expected=found.payment_count,
        payments_compared=found.compared_count,
        payments_waiting=found.waiting_count,
        figures=_figures_out(months) if is_done else None,
        months=[
            ComparisonMonthFiguresOut(month=each.month, **dict(_figures_out([each])))
            for each in months
        ],
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        done_at=found.done_at,
        expires_at=found.asked_at + KEPT,
        failure_code=found.failure_code,
        failed_at=found.failed_at,
        failure_count=found.failure_count,
    )


def _figures_out(months: Sequence[MonthFigures]) -> ComparisonFiguresOut:
    agents = sum((each.agents for each in months), Amounts())
    wadahs = sum((each.wadahs for each in months), Amounts())
    return ComparisonFiguresOut(
        total=_amounts_out(agents + wadahs),
        agents=_amounts_out(agents),
        wadahs=_amounts_out(wadahs),
    )


def _amounts_out(amounts: Amounts) -> ComparedAmountsOut:
    return ComparedAmountsOut.model_validate(amounts)


def _beneficiary_out(row: Compared, names: Mapping[UUID, str]) -> ComparedBeneficiaryOut:
    found = row.beneficiary
    return ComparedBeneficiaryOut(
        beneficiary_kind=found.beneficiary_kind,
        beneficiary_id=found.beneficiary_id,
        agent_name=names.get(found.beneficiary_id),
        wadah_id=found.wadah_id,
        actual=found.actual,
        would_be=found.would_be,
        difference=found.difference,
        months=[
            ComparedMonthOut(month=month, **dict(_amounts_out(amounts)))
            for month, amounts in row.months.items()
        ],
    )


router = APIRouter(tags=["scheme comparisons"])
for each in (reading, writing):
    router.include_router(each)
