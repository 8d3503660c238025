from datetime import UTC, datetime, timedelta

import pytest

from gateway.incentive_notices import rules
from gateway.incentive_notices.rules import SENT_WITHIN
from gateway.notices.rules import NoticeTemplate

NOW = datetime(2026, 12, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "payable", "is_held", "template", "named"),
    [
        (450_000, 450_000, False, NoticeTemplate.INCENTIVE_STATED, 450_000),
        # A part makes up for a debt: what will be paid is named.
        (450_000, 150_000, False, NoticeTemplate.INCENTIVE_STATED, 150_000),
        (450_000, 450_000, True, NoticeTemplate.INCENTIVE_HELD, 450_000),
        (450_000, 0, False, NoticeTemplate.INCENTIVE_OFFSET, 450_000),
        (0, 0, False, NoticeTemplate.INCENTIVE_NONE, 0),
        (-75_000, 0, False, NoticeTemplate.INCENTIVE_DEBT, 75_000),
        # An event of before.
        (450_000, None, None, NoticeTemplate.INCENTIVE_STATED, 450_000),
        (-75_000, None, None, NoticeTemplate.INCENTIVE_DEBT, 75_000),
    ],
)
def test_a_statement_has_the_notice_of_what_becomes_of_it(
    amount: int, payable: int | None, is_held: bool | None, template: NoticeTemplate, named: int
) -> None:
    found = rules.choose_notice(amount=amount, payable=payable, is_held=is_held)

    assert found == (template, named)


def test_a_statement_of_long_ago_is_only_to_be_read() -> None:
    assert rules.is_sent(NOW - SENT_WITHIN, now=NOW)
    assert not rules.is_sent(NOW - SENT_WITHIN - timedelta(seconds=1), now=NOW)
    assert not rules.is_sent(None, now=NOW)
