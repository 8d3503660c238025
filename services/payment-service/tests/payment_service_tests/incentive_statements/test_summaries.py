"""A PDF of more than 2,000 rows is a summary that says so, and that loses no line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.beginnings import Live
from payment_service_tests.incentive_statements.documents import (
    AGENT_NAME,
    WADAH_NAME,
    answer_names,
    find_statement,
    read_pdf,
)
from payment_service_tests.village import Village, noon
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from payment_service.commissions.rules import CommissionCause, CommissionRule, CorrectionReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.payees.rules import PayeeKind
from payment_service.payouts.rules import StatementPayoutStatus
from payment_service.statement_documents.rules import (
    RULES,
    CellKind,
    FileFormat,
    describe,
    describe_form,
    find_label,
    is_summarised,
    to_rupiah,
)
from payment_service.statement_documents.schemas import MonthStatementOut
from payment_service.statement_documents.summaries import sum_by_wadah
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Step, Tokens

OCTOBER, NOVEMBER = Month(2025, 10), Month(2025, 11)
MONTHS = "/v1/statement-documents/file?month=2025-11"
WHOLE, SUMMARY = "Lengkap, 2.000 baris", "Ringkasan Rekap Insentif Perisai"
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
MakeStep = Callable[[Live], Step]


@dataclass(frozen=True)
class Two:
    """Two agents of one wadah. whole: one with 2,000 lines. long: one with 2,001."""

    whole: Village
    long: Village


async def earn(tell: Tell, close: Close, _: AsyncSession) -> Two:
    """500 new members are four lines each; one that is declined is eight, a known one three."""
    whole = Village()
    long = Village(wadah_id=whole.wadah_id)
    whole.enrol(500, NOVEMBER)
    declined = long.enrol(497, NOVEMBER)[0]
    long.enrol(2, NOVEMBER, is_acquisition=False)
    long.enrol(1, OCTOBER, paid_at=noon(NOVEMBER), is_acquisition=False)
    await tell(whole, long)
    long.decline(declined)
    await tell(long)
    await close(NOVEMBER)
    return Two(whole, long)


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """Agents whose month is closed, if a test asks for them."""
    return [make_step(earn)] if "two" in request.fixturenames else []


@pytest.fixture
def two(made: Two, wire: Wire) -> Two:
    wire.answer("agent", answer_names)
    return made


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY})


@pytest.mark.parametrize(
    ("file_format", "count", "is_summary"),
    [
        (FileFormat.PDF, 2_000, False),
        (FileFormat.PDF, 2_001, True),
        (FileFormat.XLSX, 2_001, False),
        (FileFormat.CSV, 50_000, False),
        (None, 50_000, False),
    ],
)
def test_only_a_pdf_of_more_than_2000_rows_is_a_summary(
    file_format: FileFormat | None, count: int, is_summary: bool
) -> None:
    assert is_summarised(file_format, count) is is_summary


def test_a_summary_names_the_files_that_have_room_for_its_rows() -> None:
    assert describe_form(20_000, is_summary=True).endswith(
        "(20.000 baris) ada di berkas CSV dan XLSX."
    )
    assert describe_form(20_001, is_summary=True).endswith("(20.001 baris) ada di berkas CSV.")


@pytest.mark.soak
async def test_2000_lines_are_printed_one_by_one(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two
) -> None:
    statement_id = await find_statement(client, finance, two.whole.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=pdf", headers=finance)

    text = read_pdf(answer.content)
    assert WHOLE in text
    assert text.count("Iuran dibayar") == 1_500
    assert "ingkasan" not in text + answer.headers["Content-Disposition"]


async def test_a_line_more_makes_a_summary_by_rule_and_month_that_loses_none(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two
) -> None:
    statement_id = await find_statement(client, finance, two.long.agent_id)
    path = f"/v1/statements/{statement_id}"

    answer = await client.get(f"{path}/file?format=pdf", headers=finance)

    document = (await client.get(f"{path}/document", headers=finance)).json()
    expected = sum_lines(document["lines"])
    assert len(document["lines"]) == 2_001
    assert len(expected) == 5  # contributions of two months, new members, and both taken back
    text = read_pdf(answer.content)
    assert [row for row in expected if row not in text] == []
    assert SUMMARY in text
    assert "Ringkasan. Rincian satu per satu (2.001 baris) ada di berkas CSV dan XLSX." in text
    assert f"Jumlah rekap bulan ini {document['statement']['amount']:,}".replace(",", ".") in text
    assert f"incentive_payable:{two.long.agent_id}" in text
    name = f"rekap-insentif-2025-11-{statement_id}-ringkasan.pdf"
    assert name in answer.headers["Content-Disposition"]


async def test_other_forms_of_a_long_statement_have_each_line(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two
) -> None:
    statement_id = await find_statement(client, finance, two.long.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=csv", headers=finance)

    assert len(answer.text.splitlines()) == 1 + 2_001
    assert "ringkasan" not in answer.headers["Content-Disposition"]


async def test_a_wadahs_summary_has_a_row_an_agent(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two
) -> None:
    statement_id = await find_statement(client, finance, two.whole.wadah_id)
    path = f"/v1/statements/{statement_id}"

    answer = await client.get(f"{path}/file?format=pdf", headers=finance)

    document = (await client.get(f"{path}/document", headers=finance)).json()
    lines = document["lines"]
    text = read_pdf(answer.content)
    assert f"({count_up(len(lines))} baris)" in text
    assert len(lines) == 4_001
    for village in (two.whole, two.long):
        own = [each for each in lines if each["agent_id"] == str(village.agent_id)]
        earned = exact(sum(each["parts"] for each in own))
        row = f"{AGENT_NAME} {count_up(len(own))} 0,0000 0,0000 {earned} {earned}"
        assert row in text
    assert document["beneficiary_name"] == WADAH_NAME


async def test_a_summary_of_lines_that_differ_from_the_statement_is_not_given_out(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two, session: AsyncSession
) -> None:
    statement_id = await find_statement(client, finance, two.long.agent_id)
    await add_line(session, two.long.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=pdf", headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (409, "statement_unproven")


async def test_a_wadahs_summary_of_more_than_2000_agents_is_refused(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two, session: AsyncSession
) -> None:
    statement_id = await find_statement(client, finance, two.whole.wadah_id)
    await add_line(session, two.whole.wadah_id, agents=1_999)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=pdf", headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (422, "document_too_long")


@pytest.mark.soak
async def test_a_month_of_2000_statements_is_printed_one_by_one(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two, session: AsyncSession
) -> None:
    first = await session.scalar(select(Statement).where(Statement.beneficiary_kind == "agent"))
    assert first is not None
    await add_statements(session, first, 1_997)

    whole = await client.get(f"{MONTHS}&branch_code=BWI&format=pdf", headers=finance)

    text = read_pdf(whole.content)
    assert WHOLE in text
    assert text.count("Belum dibayar") == 2_000


async def test_a_month_of_2001_statements_is_a_row_a_wadah(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two, session: AsyncSession
) -> None:
    first = await session.scalar(select(Statement).where(Statement.beneficiary_kind == "agent"))
    assert first is not None
    await add_statements(session, first, 1_998)

    summary = await client.get(f"{MONTHS}&branch_code=BWI&format=pdf", headers=finance)

    asked = f"/v1/statement-documents?month=2025-11&wadah_id={two.whole.wadah_id}"
    document = (await client.get(asked, headers=finance)).json()
    held = sum(each["payable"] for each in document["statements"] if each["held_reason"])
    amount, payable = count_up(document["amount"]), count_up(document["payable"])
    unpaid = count_up(document["payable"] - held)
    text = read_pdf(summary.content)
    assert SUMMARY in text
    assert "Ringkasan. Rincian satu per satu (2.001 baris) ada di berkas CSV dan XLSX." in text
    assert f"{WADAH_NAME} 2.001 {amount} {payable} {unpaid} 0 0 0 {count_up(held)} 0" in text
    assert held > 0  # of the wadah, which has no agreement
    assert f"Terutang menurut buku besar {amount}" in text
    name = 'filename="rekap-insentif-2025-11-BWI-ringkasan.pdf"'
    assert name in summary.headers["Content-Disposition"]


async def test_a_summary_of_more_than_2000_rows_is_refused(
    client: httpx.AsyncClient, finance: dict[str, str], two: Two, session: AsyncSession
) -> None:
    first = await session.scalar(select(Statement).where(Statement.beneficiary_kind == "agent"))
    assert first is not None
    await add_statements(session, first, 2_000, wadah_id=None)

    answer = await client.get(f"{MONTHS}&branch_code=BWI&format=pdf", headers=finance)

    refused = answer.json()
    assert (answer.status_code, refused["code"]) == (422, "document_too_long")
    assert refused["details"] == {"limit": 2_000}


def test_what_became_of_a_wadahs_statements_adds_up_to_what_is_payable() -> None:
    wadah_id, other = new_id(), new_id()
    statements = [
        make_row(wadah_id, 1, StatementPayoutStatus.UNPAID),
        make_row(wadah_id, 20, StatementPayoutStatus.IN_PAYMENT),
        make_row(wadah_id, 300, StatementPayoutStatus.PAID),
        make_row(wadah_id, 4_000, StatementPayoutStatus.RETURNED),
        make_row(wadah_id, 50_000, StatementPayoutStatus.UNPAID, held_reason="fraud"),
        make_row(
            wadah_id,
            600_000,
            StatementPayoutStatus.UNPAID,
            forfeited_at=datetime(2025, 12, 31, tzinfo=UTC),
        ),
        make_row(other, 7, StatementPayoutStatus.PAID),
    ]

    first, second = sum_by_wadah(statements).rows

    assert first[1:] == (6, 654_321, 654_321, 1, 20, 300, 4_000, 50_000, 600_000)
    assert second[1:] == (1, 7, 7, 0, 0, 7, 0, 0, 0)


def sum_lines(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the rows of a summary of these lines of an agent, as they are printed."""

    def key(line: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(line[name] or "" for name in ("rule", "cause", "reason", "contribution_month"))

    rows = []
    for (rule, cause, reason, month), found in groupby(sorted(lines, key=key), key):
        group = list(found)
        cells = (
            find_label(CommissionCause(cause), CorrectionReason(reason) if reason else None),
            RULES[CommissionRule(rule)],
            describe(Month.parse(month) if month else None, CellKind.MONTH),
            count_up(len(group)),
            count_up(sum(each["base"] for each in group)),
            exact(sum(each["parts"] for each in group)),
        )
        rows.append(" ".join(each for each in cells if each))
    return rows


def count_up(number: int) -> str:
    return describe(number, CellKind.RUPIAH)


def exact(parts: int) -> str:
    return describe(to_rupiah(parts), CellKind.EXACT)


def make_row(
    wadah_id: UUID, payable: int, status: StatementPayoutStatus, **differences: Any
) -> MonthStatementOut:
    usual: dict[str, Any] = {
        "statement_id": new_id(),
        "beneficiary_kind": BeneficiaryKind.AGENT,
        "beneficiary_id": new_id(),
        "beneficiary_name": None,
        "wadah_id": wadah_id,
        "wadah_name": None,
        "contribution_parts": payable * 10_000,
        "acquisition_parts": 0,
        "override_parts": 0,
        "amount": payable,
        "payable": payable,
        "held_reason": None,
        "forfeited_at": None,
        "payee_kind": PayeeKind.AGENT,
        "payout_status": status,
        "accrued": payable,
    }
    return MonthStatementOut(**{**usual, **differences})


async def add_line(session: AsyncSession, beneficiary_id: UUID, *, agents: int = 1) -> None:
    """Book a line again, for each of so many other agents, past the statement of its month."""
    chosen = select(CommissionLine).where(CommissionLine.beneficiary_id == beneficiary_id)
    line = copy((await session.scalars(chosen.limit(1))).one())
    rows = [{**line, "agent_id": new_id(), "entry_no": 99 + 2 * n} for n in range(agents)]
    await session.execute(insert(CommissionLine), rows)


async def add_statements(
    session: AsyncSession, first: Statement, count: int, **differences: Any
) -> None:
    """Give other agents statements of less than a rupiah, which the ledger owes nothing for.

    differences: None as the id of the wadah: each has one of its own.
    """
    nothing = {"acquisition_parts": 0, "override_parts": 0, "brought_parts": 0, "brought_debt": 0}
    usual = {**copy(first), **nothing, "contribution_parts": 1, "total_parts": 1, "amount": 0}
    rows = [
        {**usual, "id": new_id(), "beneficiary_id": new_id(), **differences} for _ in range(count)
    ]
    for row in rows:
        row["wadah_id"] = row["wadah_id"] or new_id()
    await session.execute(insert(Statement), rows)


def copy(row: CommissionLine | Statement) -> dict[str, Any]:
    """Return what a row says; a line's number comes from the database."""
    is_line = isinstance(row, CommissionLine)
    names = [each.key for each in type(row).__mapper__.column_attrs]
    return {name: getattr(row, name) for name in names if not (is_line and name == "id")}
