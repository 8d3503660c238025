from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from payment_service.months.rules import (
    EarlierMonthOpen,
    EventsParked,
    EventsUnread,
    MonthBeingClosed,
    MonthClosedAlready,
    MonthNotOver,
    MonthStatus,
    PaymentsWait,
    check_counted,
    check_earlier,
    check_open,
    check_over,
    check_read,
    status_of,
)
from perisai_kit.domain.month import Month

NOVEMBER = Month(2025, 11)
CLOSABLE = datetime(2025, 12, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Read:
    name: str = "commissions.payments"
    caught_up_at: datetime | None = CLOSABLE
    unread: bool = False
    parked: int = 0


@pytest.mark.parametrize("closed_through", [NOVEMBER, Month(2026, 1)])
def test_a_closed_month_stays_closed(closed_through: Month) -> None:
    with pytest.raises(MonthClosedAlready) as refused:
        check_open(NOVEMBER, closed_through=closed_through, closing=None)

    assert refused.value.details == {"closed_through": str(closed_through)}


def test_no_month_is_closed_while_another_is_being_closed() -> None:
    check_open(NOVEMBER, closed_through=Month(2025, 10), closing=None)

    with pytest.raises(MonthBeingClosed) as refused:
        check_open(NOVEMBER, closed_through=Month(2025, 10), closing=Month(2025, 10))

    assert refused.value.details == {"month": "2025-10"}


@pytest.mark.parametrize(
    ("closing", "statuses"),
    [
        (None, ["closed", "closed", "open"]),
        (NOVEMBER, ["closed", "closing", "open"]),
    ],
    ids=str,
)
def test_a_month_is_closed_when_its_statements_are_complete(
    closing: Month | None, statuses: list[str]
) -> None:
    months = [Month(2025, 10), NOVEMBER, Month(2025, 12)]

    found = [status_of(each, closed_through=NOVEMBER, closing=closing) for each in months]

    assert found == [MonthStatus(each) for each in statuses]
    assert status_of(NOVEMBER, closed_through=None, closing=None) is MonthStatus.OPEN


def test_a_month_is_closed_some_time_after_its_end() -> None:
    early = CLOSABLE.replace(day=1)

    check_over(closable_from=CLOSABLE, now=CLOSABLE)

    with pytest.raises(MonthNotOver) as refused:
        check_over(closable_from=CLOSABLE, now=early)
    assert refused.value.details == {"closable_from": "2025-12-02T00:00:00+00:00"}
    with pytest.raises(MonthNotOver):
        check_over(closable_from=None, now=CLOSABLE)


def test_who_has_not_read_everything_is_named() -> None:
    check_read([Read(), Read(name="commissions.members")], needed=CLOSABLE)

    with pytest.raises(EventsUnread) as refused:
        check_read([Read(), Read("commissions.members", None, unread=True)], needed=CLOSABLE)
    assert refused.value.details["subscriptions"] == {"commissions.members": None}
    with pytest.raises(EventsParked) as parked:
        check_read([Read(parked=2)], needed=CLOSABLE)
    assert parked.value.details == {"subscriptions": {"commissions.payments": 2}}


def test_what_waits_and_which_months_are_open_is_said() -> None:
    check_counted({})
    check_earlier([])

    with pytest.raises(PaymentsWait) as waiting:
        check_counted({NOVEMBER: 2, Month(2025, 9): 1})
    assert waiting.value.details == {"payments": {"2025-09": 1, "2025-11": 2}}
    with pytest.raises(EarlierMonthOpen) as earlier:
        check_earlier([Month(2025, 10), Month(2025, 9)])
    assert earlier.value.details == {"months": ["2025-09", "2025-10"]}
