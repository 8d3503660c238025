"""Our balance (11) and our bookings (14), through an httpx transport that plays the bank."""

from datetime import date
from typing import Any

import httpx
import pytest
from snap_bi_tests.bank import Bank, Connect, Reply

from snap_bi.bank_statements import BankStatement, EntryType, build_remark, read_row
from snap_bi.disbursement import DisbursementClient
from snap_bi.outcomes import Outcome
from snap_bi.profiles import BCA, BRI, GENERIC_RSA, Profile

FIRST, LAST = date(2026, 12, 2), date(2026, 12, 3)
OURS = "8880001112"


def rupiah(value: str) -> dict[str, str]:
    return {"value": value, "currency": "IDR"}


def balance(value: str = "5000000.75", **more: Any) -> httpx.Response:
    infos = [{"balanceType": "Cash", "availableBalance": rupiah(value)}]
    content = {"responseCode": "2001100", "accountNo": OURS, "accountInfos": infos, **more}
    return httpx.Response(200, json=content)


async def test_the_balance_is_what_is_available_in_whole_rupiah(connect: Connect) -> None:
    bank = Bank(balance())

    found = await connect(bank, GENERIC_RSA).inquire_balance(OURS)

    assert found.available == 5_000_000
    assert found.result.outcome is Outcome.EXECUTED
    assert bank.paths == ["/snap/v1.0/balance-inquiry"]
    assert bank.bodies == [{"accountNo": OURS}]


@pytest.mark.parametrize(
    "reply",
    [
        balance(accountNo="9"),
        balance(accountInfos=[]),
        balance(accountInfos=None),
        balance(accountInfos=[{"balanceType": "Cash"}]),
        balance("much"),
        balance(responseCode="2001400"),
        httpx.Response(500, json={"responseCode": "5001100"}),
        httpx.ReadTimeout("x"),
    ],
)
async def test_a_balance_that_is_not_clear_is_unknown(connect: Connect, reply: Reply) -> None:
    found = await connect(Bank(reply), GENERIC_RSA).inquire_balance(OURS)

    assert found.available is None
    assert found.result.outcome is Outcome.UNKNOWN


def row(
    at: str = "2026-12-03T09:15:31+07:00",
    value: str = "1250000.00",
    kind: str = "DEBIT",
    remark: str = "K7F3A2 INSENTIF",
    **more: Any,
) -> dict[str, Any]:
    return {
        "transactionDate": at,
        "amount": rupiah(value),
        "type": kind,
        "remark": remark,
        **more,
    }


def page(*rows: dict[str, Any], **more: Any) -> httpx.Response:
    content = {"responseCode": "2001400", "detailData": list(rows), **more}
    return httpx.Response(200, json=content)


async def ask(client: DisbursementClient, first: date = FIRST, last: date = LAST) -> BankStatement:
    return await client.read_bank_statement(OURS, first=first, last=last)


async def test_rows_are_read_with_type_amount_and_day(connect: Connect) -> None:
    bank = Bank(page(row(kind="Debit"), row("2026-12-02T17:30:00Z", "9.05", "CREDIT")))

    found = await ask(connect(bank))

    assert found.is_complete
    debit, credit = found.rows
    assert (debit.type, debit.amount, debit.sen) == (EntryType.DEBIT, 1_250_000, 0)
    assert debit.booked_on == date(2026, 12, 3)
    assert (credit.type, credit.amount, credit.sen) == (EntryType.CREDIT, 9, 5)
    assert credit.booked_on == date(2026, 12, 3)  # the day in Jakarta
    assert bank.bodies == [
        {
            "accountNo": OURS,
            "fromDateTime": "2026-12-02T00:00:00+07:00",
            "toDateTime": "2026-12-03T23:59:59+07:00",
        }
    ]


async def test_bca_takes_midnights_only(connect: Connect) -> None:
    bank = Bank(page())

    found = await ask(connect(bank, BCA))

    assert found.is_complete
    assert found.rows == []
    assert bank.paths == ["/openapi/v1.0/bank-statement"]
    assert bank.bodies[0]["fromDateTime"] == "2026-12-02T00:00:00+07:00"
    assert bank.bodies[0]["toDateTime"] == "2026-12-03T00:00:00+07:00"


async def test_bri_is_asked_at_its_own_address_in_milliseconds(connect: Connect) -> None:
    bank = Bank(page(row(kind="Credit")))

    found = await ask(connect(bank, BRI))

    assert found.rows[0].type is EntryType.CREDIT
    assert bank.paths == ["/snap/v1.1/bank-statement"]
    assert bank.bodies[0]["fromDateTime"] == "2026-12-02T00:00:00.000+07:00"


async def test_all_pages_are_read_and_no_row_twice(connect: Connect) -> None:
    late, early = "2026-12-03T10:00:00+07:00", "2026-12-03T08:00:00+07:00"
    oldest = "2026-12-02T00:00:00+07:00"
    first = page(row(late), row(early, "1.00"), row(early, "2.00"), hasMore="Y")
    # The second page starts again at the instant where the first has stopped.
    second = page(
        row(early, "1.00"),
        row(early, "2.00"),
        row(early, "2.00"),
        row(oldest),
        hasMore="N",
    )
    bank = Bank(first, second)

    found = await ask(connect(bank))

    assert found.is_complete
    assert [each.amount for each in found.rows] == [1_250_000, 1, 2, 2, 1_250_000]
    assert bank.bodies[1]["toDateTime"] == early


async def test_the_next_page_ends_where_the_bank_says(connect: Connect) -> None:
    bound = "2026-12-03T08:30:00+07:00"
    bank = Bank(page(row(), hasMore="y", lastRecordDateTime=bound), page())

    found = await ask(connect(bank))

    assert found.is_complete
    assert bank.bodies[1]["toDateTime"] == bound


@pytest.mark.parametrize(
    "replies",
    [
        # A further page that fails, or that brings nothing new.
        [page(row(), hasMore="Y"), httpx.ReadTimeout("x")],
        [page(row(), hasMore="Y"), page(row(), hasMore="Y")],
        [page(hasMore="Y")],
        [page(row(), hasMore="Y", lastRecordDateTime="2027-01-01T00:00:00+07:00")],
        # Rows that cannot be understood.
        [page(row(), row(kind="?"))],
        [page(row(), row(value="much"))],
        [page(row(), row(at="yesterday"))],
        [page(row(), {**row(), "remark": 5})],
    ],
)
async def test_a_bank_statement_that_lacks_something_is_not_complete(
    connect: Connect, replies: list[Reply]
) -> None:
    found = await ask(connect(Bank(*replies)))

    assert not found.is_complete


@pytest.mark.parametrize(
    "reply",
    [
        page(row(), accountNo="9"),
        page(row(), hasMore="maybe"),
        page(row(), lastRecordDateTime="yesterday"),
        page(row(), detailData="none"),
        httpx.Response(404, json={"responseCode": "4041401"}),
        httpx.Response(200, content=b"<html>"),
        httpx.ReadTimeout("x"),
    ],
)
async def test_a_bank_statement_that_is_not_clear_has_no_rows(
    connect: Connect, reply: Reply
) -> None:
    found = await ask(connect(Bank(reply)))

    assert found.rows == []
    assert not found.is_complete
    assert found.result.outcome is Outcome.UNKNOWN


async def test_a_long_bank_statement_is_read(connect: Connect) -> None:
    rows = [row(transactionId=str(number)) for number in range(9_000)]

    found = await ask(connect(Bank(page(*rows))))

    assert found.is_complete
    assert len(found.rows) == 9_000


@pytest.mark.parametrize(("first", "last"), [(LAST, FIRST), (date(2026, 10, 1), date(2026, 12, 1))])
async def test_days_that_no_bank_shows_are_not_asked_for(
    connect: Connect, first: date, last: date
) -> None:
    with pytest.raises(ValueError, match="bank statement"):
        await ask(connect(Bank()), first, last)


@pytest.mark.parametrize(
    ("remark", "found"),
    [
        ("K7F3A2 INSENTIF", True),
        ("TRSF E-BANKING K7F3A2", True),
        ("trf k7f3a2/perisai", True),
        ("WS_OB;K7F\n3A2", True),
        ("K7F3A", False),
        ("", False),
    ],
)
def test_a_code_is_found_however_the_bank_writes_the_remark(remark: str, found: bool) -> None:
    read = read_row(row(remark=remark))

    assert read is not None
    assert read.has_code("K7F3A2") is found
    assert "K7F3A2" not in repr(read)


def test_a_correction_of_the_bank_is_marked() -> None:
    read = read_row(row(transactionDetailStatus="ERROR CORECTION"))
    normal = read_row(row(transactionDetailStatus="SUCCESS"))

    assert read is not None
    assert read.is_correction
    assert normal is not None
    assert not normal.is_correction


@pytest.mark.parametrize(
    ("profile", "remark"),
    [
        (BCA, "K7F3A2 Insentif Perisai November 202"),
        (GENERIC_RSA, "K7F3A2 Insentif Perisai November 2026 Agus Salim"),
    ],
    ids=["bca", "standard"],
)
def test_a_remark_starts_with_the_code_and_has_no_special_character(
    profile: Profile, remark: str
) -> None:
    text = "Insentif Perisai (November-2026)\nAgus & Salim"

    assert build_remark("K7F3A2", text, profile.transfers) == remark
