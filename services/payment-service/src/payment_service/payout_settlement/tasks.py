"""The worker's part of settling: rounds that order inquiries, the inquiry, and the watch."""

from payment_service.payout_sending.service import INQUIRE
from payment_service.payout_settlement.asking import Settler
from perisai_kit.jobs.runner import Handler
from perisai_kit.services.worker import Periodic

DUE_S = 10.0
"""The first inquiry does not wait for it: see `payout_sending.service.abandon`."""
WATCH_S = 6 * 3600.0
WATCH_LEASE_S = 120.0
"""Several statements may be read, each of many pages."""


def list_periodic(settler: Settler) -> list[Periodic]:
    """Return the periodic tasks."""
    return [
        Periodic("payouts.inquire", DUE_S, settler.order_due, is_due=settler.is_due),
        Periodic("payouts.watch", WATCH_S, settler.watch, lease_s=WATCH_LEASE_S),
    ]


def list_handlers(settler: Settler) -> dict[str, Handler]:
    """Return the handlers of jobs by entrypoint."""
    return {INQUIRE: settler.inquire}
