from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from payment_service.months.rules import (
    EarlierMonthOpen,
    EventsParked,
    EventsUnread,
    MonthClosedAlready,
    MonthNotOver,
    PaymentsWait,
    check_nothing_open,
    check_over,
    check_read,
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
        check_over(NOVEMBER, closed_through=closed_through, closable_from=CLOSABLE, now=CLOSABLE)

    assert refused.value.details == {"closed_through": str(closed_through)}


def test_a_month_is_closed_some_time_after_its_end() -> None:
    early = CLOSABLE.replace(day=1)

    check_over(NOVEMBER, closed_through=Month(2025, 10), closable_from=CLOSABLE, now=CLOSABLE)

    with pytest.raises(MonthNotOver) as refused:
        check_over(NOVEMBER, closed_through=None, closable_from=CLOSABLE, now=early)
    assert refused.value.details == {"closable_from": "2025-12-02T00:00:00+00:00"}
    with pytest.raises(MonthNotOver):
        check_over(Month(9999, 12), closed_through=None, closable_from=None, now=CLOSABLE)


def test_who_has_not_read_everything_is_named() -> None:
    check_read([Read(), Read(name="commissions.members")], needed=CLOSABLE)

    with pytest.raises(EventsUnread) as refused:
        check_read([Read(), Read("commissions.members", None, unread=True)], needed=CLOSABLE)
    assert refused.value.details["subscriptions"] == {"commissions.members": None}
    with pytest.raises(EventsParked) as parked:
        check_read([Read(parked=2)], needed=CLOSABLE)
    assert parked.value.details == {"subscriptions": {"commissions.payments": 2}}


def test_what_waits_and_which_months_are_open_is_said() -> None:
    check_nothing_open({}, [])

    with pytest.raises(PaymentsWait) as waiting:
        check_nothing_open({NOVEMBER: 2, Month(2025, 9): 1}, [])
    assert waiting.value.details == {"payments": {"2025-09": 1, "2025-11": 2}}
    with pytest.raises(EarlierMonthOpen) as earlier:
        check_nothing_open({}, [Month(2025, 10), Month(2025, 9)])
    assert earlier.value.details == {"months": ["2025-09", "2025-10"]}
