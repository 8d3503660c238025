"""Faults planted in the books of a closed month: the verification finds and names each."""

from dataclasses import dataclass, field

import pytest
from payment_service_tests.verifications.conftest import DECEMBER, NOVEMBER, Closed
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.verifications import queries
from payment_service.verifications.rules import Opinion
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month

COPY = """
    INSERT INTO commission_lines (earned_month, booked_month, beneficiary_kind, beneficiary_id,
        agent_id, member_id, payment_id, allocation_id, scheme_id, cause, rule, base, rate_bps,
        parts, entry_no, recorded_at)
    SELECT DISTINCT ON (allocation_id) earned_month, booked_month, beneficiary_kind, beneficiary_id,
        agent_id, member_id, payment_id, allocation_id, scheme_id, 'acquisition', 'acquisition',
        15000, 10000, 150000000, 1, now()
    FROM commission_lines
    WHERE earned_month = '2025-11' AND agent_id = :few AND beneficiary_kind = 'agent'
"""


@dataclass(frozen=True)
class Fault:
    """planted: SQL of the owner. named: the difference. place: what it must say of the place."""

    month: Month
    planted: tuple[str, ...]
    named: str
    place: dict[str, str] = field(default_factory=dict)


FAULTS = {
    "a contribution line is missing": Fault(
        DECEMBER,
        (
            "DELETE FROM commission_lines"
            " WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE earned_month = '2025-12' AND rule = 'contribution')",
        ),
        "line.missing",
        {"rule": "contribution", "earned_month": "2025-12"},
    ),
    "an override is missing": Fault(
        DECEMBER,
        (
            "DELETE FROM commission_lines"
            " WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE earned_month = '2025-12' AND rule = 'override')",
        ),
        "line.missing",
        {"rule": "override", "beneficiary_kind": "wadah"},
    ),
    "a line has another amount": Fault(
        DECEMBER,
        (
            "UPDATE commission_lines SET base = base + 1, parts = parts + rate_bps"
            " WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE earned_month = '2025-12' AND rule = 'contribution')",
        ),
        "line.amount",
        {"rule": "contribution"},
    ),
    "month 25 earns as month 1": Fault(
        NOVEMBER,
        (
            "UPDATE commission_lines SET rate_bps = 1500, parts = base * 1500"
            " WHERE month_index = 25 AND rule = 'contribution' AND programme = 'jht'",
        ),
        "line.amount",
        {"programme": "jht"},
    ),
    "a bonus is booked below the threshold": Fault(
        NOVEMBER, (COPY,), "line.threshold_missed", {"cause": "acquisition"}
    ),
    "a bonus of the threshold that was lost is not taken back": Fault(
        DECEMBER,
        (
            "DELETE FROM commission_lines WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE reason = 'threshold_missed' AND rule = 'acquisition')",
        ),
        "line.threshold_missed",
        {"earned_month": "2025-11"},
    ),
    "a declined payment still earns": Fault(
        DECEMBER,
        (
            "DELETE FROM commission_lines WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE reason = 'payment_declined' AND cause = 'contribution')",
        ),
        "line.unfounded",
        {"earned_month": "2025-11"},
    ),
    "a line is of another scheme": Fault(
        DECEMBER,
        (
            "UPDATE commission_lines SET scheme_id = (SELECT id FROM commission_schemes"
            " ORDER BY first_month LIMIT 1)"
            " WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE earned_month = '2025-12' AND rule = 'contribution')",
        ),
        "line.unfounded",
    ),
    "another agent earns": Fault(
        DECEMBER,
        (
            "UPDATE commission_lines SET beneficiary_id = :many"
            " WHERE id = (SELECT min(id) FROM commission_lines"
            " WHERE earned_month = '2025-12' AND rule = 'contribution')",
        ),
        "line.missing",
    ),
    "an agent earns on a day without work": Fault(
        DECEMBER,
        ("DELETE FROM agent_decisions WHERE agent_id = :few",),
        "line.unfounded",
    ),
    "a bonus under review is booked": Fault(
        NOVEMBER,
        (
            "UPDATE commission_schemes SET terms = jsonb_set(terms, '{threshold}', '24')",
            "INSERT INTO bonus_reviews (id, agent_id, month, status, opened_at)"
            " VALUES (gen_random_uuid(), :many, '2025-11', 'open', now())",
            "DELETE FROM commission_lines WHERE reason = 'threshold_missed'",
        ),
        "line.unfounded",
        {"cause": "acquisition"},
    ),
    "a member was in the care of somebody else": Fault(
        DECEMBER,
        (
            "INSERT INTO attributed_members SELECT DISTINCT member_id, 1 FROM coverage_answers",
            "INSERT INTO attribution_periods (member_id, from_date, until_date, agent_id, wadah_id,"
            " branch_code, region_code, agent_sees) SELECT member_id, '2020-01-01', '9999-12-31',"
            " gen_random_uuid(), gen_random_uuid(), 'BWI', 'JTM', true FROM attributed_members",
        ),
        "answer.agent",
    ),
    "a month counts that its bill does not have": Fault(
        DECEMBER,
        (
            "UPDATE coverage_answers SET months = months || '[\"2026-05\"]'"
            " WHERE allocation_id = (SELECT allocation_id FROM coverage_answers"
            " WHERE agent_id = :few AND to_char(counts_at, 'YYYY-MM') = '2025-12' LIMIT 1)",
        ),
        "answer.months",
        {"earned_month": "2025-12"},
    ),
    "a month counts that is before the registration": Fault(
        DECEMBER,
        (
            "UPDATE coverage_answers SET first_month = '2026-01'"
            " WHERE allocation_id = (SELECT allocation_id FROM coverage_answers"
            " WHERE agent_id = :few AND to_char(counts_at, 'YYYY-MM') = '2025-12' LIMIT 1)",
        ),
        "answer.months",
        {"first_month": "2026-01"},
    ),
    "somebody who had paid before is new": Fault(
        DECEMBER,
        (
            "UPDATE coverage_answers SET is_acquisition = true"
            " WHERE agent_id = :many AND to_char(counts_at, 'YYYY-MM') = '2025-12'",
            "UPDATE allocations SET member_id = (SELECT member_id FROM coverage_answers"
            " WHERE agent_id = :many AND to_char(counts_at, 'YYYY-MM') = '2025-12')"
            " WHERE id = (SELECT allocation_id FROM coverage_answers WHERE agent_id = :many"
            " AND to_char(counts_at, 'YYYY-MM') = '2025-11' AND outcome <> 'declined' LIMIT 1)",
        ),
        "answer.acquisition",
        {"earned_month": "2025-12"},
    ),
    "a line is booked in the next month while its own is open": Fault(
        NOVEMBER,
        (
            "UPDATE commission_lines SET booked_month = '2025-12' WHERE id = ("
            "SELECT min(id) FROM commission_lines WHERE earned_month = '2025-11')",
        ),
        "line.month",
    ),
    "a statement is off by a rupiah": Fault(
        DECEMBER,
        (
            "ALTER TABLE statements DROP CONSTRAINT ck_statements_amount",
            "UPDATE statements SET amount = amount + 1"
            " WHERE month = '2025-12' AND beneficiary_id = :few",
        ),
        "statement.amount",
    ),
    "a statement brings another rest": Fault(
        DECEMBER,
        (
            "ALTER TABLE statements DROP CONSTRAINT ck_statements_amount",
            "UPDATE statements SET brought_parts = (brought_parts + 1) % 10000"
            " WHERE month = '2025-12' AND beneficiary_id = :few",
        ),
        "statement.brought_parts",
    ),
    "a statement brings another debt": Fault(
        DECEMBER,
        ("UPDATE statements SET brought_debt = 1 WHERE month = '2025-12'",),
        "statement.brought_debt",
    ),
    "a statement brings a debt as set off by payouts": Fault(
        DECEMBER,
        ("UPDATE statements SET set_off = 1 WHERE month = '2025-12'",),
        "statement.brought_debt",
    ),
    "a statement is missing": Fault(
        DECEMBER,
        ("DELETE FROM statements WHERE month = '2025-12' AND beneficiary_id = :few",),
        "statement.missing",
    ),
    "a statement has no lines": Fault(
        DECEMBER,
        (
            "UPDATE commission_lines SET booked_month = '2026-01'"
            " WHERE booked_month = '2025-12' AND beneficiary_id = :few",
        ),
        "statement.unfounded",
    ),
    "a transfer is missing": Fault(
        DECEMBER,
        (
            "DELETE FROM ledger_transfers WHERE cause_id IN ("
            "SELECT id FROM statements WHERE month = '2025-12' AND beneficiary_id = :few)",
        ),
        "transfer.missing",
        {"code": "incentive_accrued"},
    ),
    "a transfer has another amount": Fault(
        DECEMBER,
        (
            "UPDATE ledger_transfers SET amount = amount + 1 WHERE cause_id IN ("
            "SELECT id FROM statements WHERE month = '2025-12' AND beneficiary_id = :many)",
        ),
        "transfer.amount",
        {"code": "incentive_reversed"},
    ),
    "a transfer bears another month": Fault(
        DECEMBER,
        (
            "UPDATE ledger_transfers SET debit_account = 'incentive_expense:2025-11'"
            " WHERE cause_id IN (SELECT id FROM statements"
            " WHERE month = '2025-12' AND beneficiary_id = :few)",
        ),
        "transfer.unfounded",
    ),
    "a transfer has no statement": Fault(
        DECEMBER,
        (
            "UPDATE ledger_transfers SET cause_id = gen_random_uuid()"
            " WHERE debit_account = 'incentive_expense:2025-12'",
        ),
        "transfer.unfounded",
    ),
    "a month states another sum": Fault(
        DECEMBER,
        ("UPDATE commission_months SET amount = amount + 1 WHERE month = '2025-12'",),
        "month.amount",
        {"month": "2025-12"},
    ),
}


async def plant(closed: Closed, month: Month, *planted: str) -> Opinion:
    """Break the books as their owner, verify them, and undo it."""
    ids = {"few": closed.few.agent_id, "many": closed.many.agent_id}
    owner = Database(closed.urls.owner, pool_size=1)
    try:
        async with AsyncSession(owner.engine) as session:
            for statement in planted:
                named = {name: id_ for name, id_ in ids.items() if f":{name}" in statement}
                await session.execute(text(statement), named)
            return await queries.compute(session, month)
    finally:
        await owner.dispose()


@pytest.mark.parametrize("month", [NOVEMBER, DECEMBER])
async def test_sound_books_agree(closed: Closed, month: Month) -> None:
    opinion = await plant(closed, month)

    assert opinion.differences == []
    assert opinion.booked_parts == opinion.computed_parts
    assert opinion.stated_amount == opinion.computed_amount
    assert min(opinion.line_count, opinion.statement_count, opinion.transfer_count) > 0


@pytest.mark.parametrize("named", FAULTS)
async def test_fault_is_found_and_named(closed: Closed, named: str) -> None:
    fault = FAULTS[named]

    opinion = await plant(closed, fault.month, *fault.planted)

    found = [each for each in opinion.differences if each["name"] == fault.named]
    assert found != [], {each["name"] for each in opinion.differences}
    assert [each for each in found if fault.place.items() <= each["place"].items()] != [], found
    assert opinion.difference_count >= len(opinion.differences) > 0


async def test_lines_that_are_just_being_computed_are_left_out(closed: Closed) -> None:
    opinion = await plant(
        closed,
        DECEMBER,
        "INSERT INTO commission_waits SELECT allocation_id, payment_id, counts_at, true"
        " FROM coverage_answers WHERE to_char(counts_at, 'YYYY-MM') = '2025-12'"
        " AND agent_id = :many",
        "UPDATE coverage_answers SET agent_id = NULL, wadah_id = NULL"
        " WHERE to_char(counts_at, 'YYYY-MM') = '2025-12' AND agent_id = :many",
    )

    assert (opinion.left_out_count, opinion.differences) == (1, [])
