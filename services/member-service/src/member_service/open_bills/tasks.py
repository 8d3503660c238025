from member_service.open_bills import service
from perisai_kit.events.catalogue import (
    BillEnded,
    BillIssued,
    BillReplaced,
    BillVoided,
)
from perisai_kit.events.subscription import FeedSource, Subscription

BILLS = "open_bills.payments"
"""A cursor of its own, so that bills are read from the beginning of the feed."""


def subscribe(payments: FeedSource, *, poll_s: float) -> Subscription:
    """Return the subscription that keeps the open bills; those that are paid close in coverage."""
    kinds = (BillIssued, BillReplaced, BillVoided, BillEnded)
    return Subscription(
        name=BILLS,
        source=payments,
        poll_s=poll_s,
        batch_handlers=dict.fromkeys(kinds, service.take),
    )
