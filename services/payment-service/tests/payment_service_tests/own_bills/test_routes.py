"""A member's own bills, with where to pay them and what to do."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.conftest import MakeBasis
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.answers import service as answers
from payment_service.bills import service as bills
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.own_bills import service
from payment_service.own_bills.rules import NEXT_STEPS
from payment_service.payments.models import Payment
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn
from perisai_kit.testing.plans import list_whole_reads
from perisai_kit.testing.plugin import BusinessTime, Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
ADMIN = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
SHOWN = ("status", "coverage", "next_step")
NOON = datetime(2027, 3, 10, 5, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(NOON)
    return business_time


async def list_own(
    client: httpx.AsyncClient, headers: dict[str, str], **query: Any
) -> dict[str, Any]:
    answer = await client.get("/v1/me/bills", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_every_status_has_a_next_step() -> None:
    assert set(NEXT_STEPS) == set(BillStatus)


def _answer(
    kind: type[CoverageDeclined] | type[CoverageExtended] | type[CoverageWithdrawn],
    allocation: Allocation,
    **differences: Any,
) -> CoverageDeclined | CoverageExtended | CoverageWithdrawn:
    """Return what member-service says of the allocation to a bill of two months."""
    paid = {
        "first_month": "2027-03",
        "agent_id": None,
        "wadah_id": None,
        "branch_code": "BWI",
        "region_code": "JATIM",
        "is_acquisition": False,
        "is_first": False,
    }
    common = {
        "allocation_id": allocation.id,
        "payment_id": allocation.payment_id,
        "bill_id": allocation.bill_id,
        "member_id": allocation.member_id,
        "answer_no": 1,
        "counts_at": allocation.counts_at,
    }
    own = {"reason_code": "over_age"} if kind is CoverageDeclined else paid
    known = {**common, **own, **differences}
    return kind(**{name: known[name] for name in kind.model_fields if name in known})


@pytest.mark.parametrize(
    ("kind", "differences", "coverage", "next_step"),
    [
        (CoverageExtended, {"months": ("2027-03", "2027-04")}, "extended", "nothing"),
        (CoverageDeclined, {}, "declined", "ask_anew"),
        (
            CoverageWithdrawn,
            {"months": (), "withdrawn": ("2027-03", "2027-04")},
            "withdrawn",
            "ask_anew",
        ),
        (
            CoverageWithdrawn,
            {"months": ("2027-03",), "withdrawn": ("2027-04",)},
            "withdrawn",
            "nothing",
        ),
    ],
)
async def test_a_paid_bill_that_pays_no_month_must_be_asked_for_anew(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
    kind: type[CoverageDeclined],
    differences: dict[str, Any],
    coverage: str,
    next_step: str,
) -> None:
    bill = await issue_bill(session, month_count=2)
    payment = await settle(session, bill)
    chosen = select(Allocation).where(Allocation.payment_id == payment.id)
    (allocation,) = await session.scalars(chosen)
    member = tokens.make(Role.MEMBER, member_id=bill.member_id)
    await session.commit()

    (waiting,) = (await list_own(client, member))["items"]
    await answers.take_answers(session, [_answer(kind, allocation, **differences)])
    await session.commit()
    (own,) = (await list_own(client, member))["items"]

    assert [waiting[name] for name in SHOWN] == ["paid", "waiting", "nothing"]
    assert [own[name] for name in SHOWN] == ["paid", coverage, next_step]


async def test_a_page_is_read_by_as_many_statements_however_many_bills_are_paid(
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    make_basis: MakeBasis,
    march: BusinessTime,
) -> None:
    member_id = new_id()
    statements: list[str] = []

    def note(_: object, __: object, sql: str, *___: object) -> None:
        statements.append(sql)

    counts = []
    for later in range(3):
        march.at(NOON + timedelta(days=31 * later))
        basis = make_basis(member_id=member_id)
        await settle(session, await issue_bill(session, basis=basis))
        event.listen(session.get_bind(), "before_cursor_execute", note)
        await service.list_own(session, member_id, cursor=None, limit=12)
        event.remove(session.get_bind(), "before_cursor_execute", note)
        counts.append(sum("coverage_answers" in sql for sql in statements))
        statements.clear()
    page = service.list_own(session, member_id, cursor=None, limit=12)

    assert counts == [1, 1, 1]
    assert await list_whole_reads(session, page) == set()


async def test_a_member_sees_own_bills_whole_with_accounts_and_next_steps(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    make_basis: MakeBasis,
    tokens: Tokens,
) -> None:
    basis = make_basis()
    replaced = await issue_bill(session, basis=basis, month_count=2)
    paid = await issue_bill(session, basis=basis)
    await settle(session, paid)
    member_id = paid.member_id
    other = await issue_bill(session)
    await session.commit()
    member = tokens.make(Role.MEMBER, member_id=member_id)

    page = await list_own(client, member)

    shown = {each["id"]: each for each in page["items"]}
    assert [each["id"] for each in page["items"]] == [str(paid.id), str(replaced.id)]
    assert shown[str(paid.id)]["next_step"] == "nothing"
    assert shown[str(replaced.id)]["next_step"] == "use_newer"
    assert shown[str(replaced.id)]["replaced_by"] == str(paid.id)
    assert {each["display_name"] for each in page["items"]} == {"Siti Aminah"}
    assert str(other.id) not in shown


async def test_an_open_bill_is_paid_at_its_accounts_until_it_ends(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    tokens: Tokens,
    march: BusinessTime,
) -> None:
    bill = await issue_bill(session)
    await session.commit()
    member = tokens.make(Role.MEMBER, member_id=bill.member_id)

    (payable,) = (await list_own(client, member))["items"]
    march.at(bill.expires_at + timedelta(seconds=1))
    (ended,) = (await list_own(client, member))["items"]

    assert (payable["status"], payable["next_step"]) == ("open", "pay")
    numbers = [each["number"] for each in payable["virtual_accounts"]]
    assert numbers == [each.number for each in bill.virtual_accounts]
    assert sum(line["amount"] for line in payable["lines"]) == bill.amount
    assert (ended["status"], ended["next_step"]) == ("ended", "ask_anew")


async def test_a_withdrawn_bill_must_be_asked_for_anew(
    client: httpx.AsyncClient, session: AsyncSession, issue_bill: IssueBill, tokens: Tokens
) -> None:
    bill = await issue_bill(session)
    await bills.cancel(session, ADMIN, bill.id, reason=VoidReason.WRONG_DATA)
    await session.commit()

    (own,) = (await list_own(client, tokens.make(Role.MEMBER, member_id=bill.member_id)))["items"]

    assert (own["status"], own["next_step"]) == ("void", "ask_anew")


async def test_own_bills_are_paged_and_of_the_signed_in_member_only(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    make_basis: MakeBasis,
    tokens: Tokens,
) -> None:
    basis = make_basis()
    made = [str((await issue_bill(session, basis=basis)).id) for _ in range(3)]
    await session.commit()
    member = tokens.make(Role.MEMBER, member_id=basis.member_id)

    first = await list_own(client, member, limit=2)
    second = await list_own(client, member, limit=2, cursor=first["next_cursor"])
    nobody = await list_own(client, tokens.make(Role.MEMBER, member_id=new_id()))
    unlinked = await list_own(client, tokens.make(Role.MEMBER))
    agent = await client.get("/v1/me/bills", headers=tokens.make(Role.AGENT, agent_id=new_id()))

    assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert (nobody["items"], unlinked["items"]) == ([], [])
    assert agent.status_code == 403
