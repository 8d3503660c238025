"""The command that verifies a month: what it prints, and its exit codes."""

import os
import subprocess
import sys

import pytest
from payment_service_tests.verifications.conftest import Closed

from payment_service.verifications.models import MonthVerification
from payment_service.verify_commissions import EXIT_CODES, describe
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month


def run(closed: Closed, month: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "payment_service.verify_commissions", "--month", month]
    given = {"PERISAI_PAYMENT_DATABASE_URL": closed.urls.app, **variables}
    return subprocess.run(
        command, env={**os.environ, **given}, capture_output=True, text=True, check=False
    )


def test_a_closed_month_agrees(closed: Closed) -> None:
    done = run(closed, "2025-11")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "2025-11: the verification agrees"
    assert "4 statements, 4 transfers" in done.stdout


@pytest.mark.parametrize(
    ("month", "variables", "said"),
    [
        ("2026-02", {}, "2026-02 is not closed"),
        pytest.param("2025-13", {}, "invalid parse value", marks=pytest.mark.soak),
        ("2025-11", {"PERISAI_PAYMENT_DATABASE_URL": ""}, "DATABASE_URL is missing"),
    ],
)
def test_what_cannot_be_verified_is_said_in_one_line(
    closed: Closed, month: str, variables: dict[str, str], said: str
) -> None:
    done = run(closed, month, **variables)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_differences_are_printed_with_their_place() -> None:
    place = {"rule": "override", "earned_month": "2025-11"}
    made = MonthVerification(
        id=new_id(),
        month=Month(2025, 11),
        allocation_count=2,
        left_out_count=1,
        line_count=12,
        booked_parts=-15_000,
        computed_parts=10_001,
        statement_count=4,
        stated_amount=-2,
        computed_amount=1,
        transfer_count=4,
        difference_count=3,
        differences=[{"name": "line.missing", "place": place, "booked": 0, "computed": 25_001}],
    )

    assert list(describe(made)) == [
        "2025-11: 3 differences",
        "  12 lines of 2 allocations: Rp -1.5000 booked, Rp 1.0001 computed",
        "  4 statements, 4 transfers: Rp -2 stated, Rp 1 computed",
        "  1 allocations were left out: they are being computed",
        "  line.missing: booked 0, computed 25001; rule=override earned_month=2025-11",
        "  and 2 more",
    ]


def test_a_result_that_is_not_whole_is_no_agreement() -> None:
    made = MonthVerification(
        id=new_id(),
        month=Month(2025, 11),
        allocation_count=2,
        left_out_count=1,
        line_count=6,
        booked_parts=0,
        computed_parts=0,
        statement_count=1,
        stated_amount=0,
        computed_amount=0,
        transfer_count=0,
        difference_count=0,
        differences=[],
    )

    assert next(describe(made)) == "2025-11: the verification found nothing, but is not whole yet"
    assert EXIT_CODES[made.verdict] == 3
