"""Statement documents: each rupiah down to the receipt, equal to the ledger, in four formats."""

import io
from collections.abc import Awaitable, Callable, Sequence

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
from payment_service_tests.village import Village
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions.models import CommissionLine
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Step, Tokens

NOVEMBER = Month(2025, 11)
COUNTRY = {"kind": ScopeKind.COUNTRY}
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
MakeStep = Callable[[Live], Step]


async def earn(tell: Tell, close: Close, _: AsyncSession) -> Village:
    village = Village()
    village.enrol(30, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    return village


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """A village whose month is closed, if a test asks for it."""
    return [make_step(earn)] if "village" in request.fixturenames else []


@pytest.fixture
def village(made: Village, wire: Wire) -> Village:
    """Thirty new members of November 2025, whose month is closed."""
    wire.answer("agent", answer_names)
    return made


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)


async def test_a_document_explains_each_rupiah_down_to_the_receipt(
    client: httpx.AsyncClient, tokens: Tokens, village: Village
) -> None:
    own = tokens.make(Role.AGENT, agent_id=village.agent_id)
    statement_id = await find_statement(client, own, village.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/document", headers=own)

    document = answer.json()
    stated, lines = document["statement"], document["lines"]
    assert (stated["amount"], document["beneficiary_name"]) == (615_600, AGENT_NAME)
    assert document["wadah_name"] == WADAH_NAME
    assert sum(each["parts"] for each in lines) == 615_600 * 10_000
    assert {(each["payment_id"], each["bill_id"]) for each in lines} == {
        (str(each.payment_id), str(each.bill_id)) for each in village.settled
    }
    assert {each["bank_name"] for each in lines} != {None}
    (posting,) = document["postings"]
    assert (posting["code"], posting["amount"]) == ("incentive_accrued", 615_600)
    assert posting["credit_account"] == f"incentive_payable:{village.agent_id}"
    assert posting["cause"] == f"statement:{statement_id}"


async def test_a_pdf_is_indonesian_and_takes_names_as_text(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)
    path = f"/v1/statements/{statement_id}/file?format=pdf"

    answer = await client.get(path, headers=finance)
    again = await client.get(path, headers=finance)

    assert answer.headers["Content-Type"] == "application/pdf"
    name = f'attachment; filename="rekap-insentif-2025-11-{statement_id}.pdf"'
    assert answer.headers["Content-Disposition"] == name
    text = read_pdf(answer.content)
    assert "Rekap Insentif Perisai" in text
    assert "November 2025" in text
    assert AGENT_NAME in text
    assert "615.600" in text
    assert "1.500,0000" in text  # 15 % of JKK
    assert again.content == answer.content


async def test_a_workbook_has_numbers_and_no_formula(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=xlsx", headers=finance)

    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["Ringkasan", "Rincian", "Buku besar"]
    summary = {row[0]: row[1] for row in book.get_sheet_by_name("Ringkasan").to_python() if row}
    assert summary["Penerima"] == AGENT_NAME
    assert summary["Dapat dibayarkan"] == 615_600
    head, *rows = book.get_sheet_by_name("Rincian").to_python()
    amount = head.index("Insentif (Rp)")
    # 30 members: three programmes each, and each a new member.
    assert len(rows) == 120
    paid = [row[amount] for row in rows]
    assert all(isinstance(each, float | int) for each in paid)
    assert sum(float(str(each)) for each in paid) == 615_600
    assert b"<f>" not in answer.content


async def test_csv_has_exact_amounts_and_masked_names_for_finance(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=csv", headers=finance)

    head, *rows = answer.text.splitlines()
    assert head.split(",")[:4] == ["line_id", "member_name", "agent_name", "cause"]
    assert len(rows) == 120
    amounts = [row.split(",")[head.split(",").index("amount")] for row in rows]
    assert {"1500.0000", "1020.0000", "3000.0000", "15000.0000"} == set(amounts)


async def test_a_wadah_and_a_branch_have_all_statements_of_a_month(
    client: httpx.AsyncClient, tokens: Tokens, finance: dict[str, str], village: Village
) -> None:
    admin = tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id)
    month, base = "month=2025-11", "/v1/statement-documents"

    of_wadah = await client.get(f"{base}?{month}&wadah_id={village.wadah_id}", headers=admin)
    of_branch = await client.get(f"{base}?{month}&branch_code=BWI", headers=finance)
    printed = await client.get(f"{base}/file?{month}&branch_code=BWI&format=pdf", headers=finance)
    plain = await client.get(f"{base}/file?{month}&branch_code=BWI&format=csv", headers=finance)

    document = of_wadah.json()
    assert document["statements"] == of_branch.json()["statements"]
    shown = [
        (each["beneficiary_kind"], each["beneficiary_name"], each["amount"], each["accrued"])
        for each in document["statements"]
    ]
    assert shown == [
        ("wadah", WADAH_NAME, 61_560, 61_560),
        ("agent", AGENT_NAME, 615_600, 615_600),
    ]
    assert (document["amount"], document["accrued"]) == (677_160, 677_160)
    assert "677.160" in read_pdf(printed.content)
    assert len(plain.text.splitlines()) == 3


async def test_documents_are_for_those_who_see_the_statement(
    client: httpx.AsyncClient, tokens: Tokens, finance: dict[str, str], village: Village
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)
    month = f"/v1/statement-documents?month=2025-11&wadah_id={village.wadah_id}"
    other_agent = tokens.make(Role.AGENT, agent_id=new_id(), wadah_id=village.wadah_id)
    other_admin = tokens.make(Role.WADAH_ADMIN, wadah_id=new_id())
    auditor = tokens.make(Role.AUDITOR, scope=COUNTRY)

    for headers in (other_agent, other_admin):
        for path in (f"/v1/statements/{statement_id}/document", month):
            refused = await client.get(path, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (404, "statement_not_found")
    seen = (await client.get(month, headers=auditor)).json()["statements"]
    assert [each["beneficiary_name"] for each in seen] == [WADAH_NAME, None]
    unclear = await client.get("/v1/statement-documents?month=2025-11", headers=finance)
    assert (unclear.status_code, unclear.json()["code"]) == (422, "wadah_or_branch")


async def test_without_names_a_document_has_ids(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village, wire: Wire
) -> None:
    wire.answer("agent", lambda _: httpx.Response(503))
    statement_id = await find_statement(client, finance, village.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file?format=pdf", headers=finance)

    assert str(village.agent_id) in read_pdf(answer.content)


async def test_a_statement_that_differs_from_its_lines_is_not_given_out(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village, session: AsyncSession
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)
    line = (
        await session.scalars(
            select(CommissionLine).where(CommissionLine.beneficiary_id == village.agent_id).limit(1)
        )
    ).one()
    copied = {
        each.key: getattr(line, each.key)
        for each in CommissionLine.__mapper__.column_attrs
        if each.key != "id"
    }
    session.add(CommissionLine(**{**copied, "allocation_id": line.allocation_id, "entry_no": 3}))
    await session.flush()

    answer = await client.get(f"/v1/statements/{statement_id}/document", headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (409, "statement_unproven")


@pytest.mark.parametrize("asked", ["", "?format=doc", "?format=pdf&format=csv&x=1"])
async def test_what_is_no_format_is_refused(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village, asked: str
) -> None:
    statement_id = await find_statement(client, finance, village.agent_id)

    answer = await client.get(f"/v1/statements/{statement_id}/file{asked}", headers=finance)

    assert answer.status_code == 422


async def test_a_month_that_is_not_closed_has_no_document(
    client: httpx.AsyncClient, finance: dict[str, str], village: Village
) -> None:
    path = "/v1/statement-documents?month=2025-12&branch_code=BWI"

    answer = await client.get(path, headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (404, "statement_not_found")
