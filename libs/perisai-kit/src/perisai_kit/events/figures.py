"""How far subscriptions are, for `/v1/status` and the metrics."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.domain import clock
from perisai_kit.events import cursors, parking

lag_seconds = Gauge(
    "perisai_subscription_lag_seconds",
    "Seconds since the subscription had last read all events.",
    ["subscription"],
)
position_gauge = Gauge(
    "perisai_subscription_position", "Position of the last event applied.", ["subscription"]
)
parked_gauge = Gauge(
    "perisai_subscription_parked_events", "Events that wait to be replayed.", ["subscription"]
)


async def read_figures(session: AsyncSession, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return position, lag and parked events of each subscription as plain values."""
    found = {each.name: each for each in await cursors.list_cursors(session, names)}
    waiting = await parking.count_waiting(session, names)
    figures = []
    for name in names:
        cursor = found.get(name)
        caught_up_at = cursor.caught_up_at if cursor else None
        lag_s = None
        if caught_up_at is not None:
            lag_s = max(0.0, round((clock.now() - caught_up_at).total_seconds(), 3))
        figures.append(
            {
                "name": name,
                "position": cursor.position if cursor else 0,
                "caught_up_at": caught_up_at.isoformat() if caught_up_at else None,
                "lag_s": lag_s,
                "parked": waiting.get(name, 0),
            }
        )
    return figures


async def measure(session: AsyncSession, names: Sequence[str]) -> None:
    """Set the metrics of these subscriptions."""
    for each in await read_figures(session, names):
        position_gauge.labels(each["name"]).set(each["position"])
        parked_gauge.labels(each["name"]).set(each["parked"])
        if each["lag_s"] is not None:
            lag_seconds.labels(each["name"]).set(each["lag_s"])
