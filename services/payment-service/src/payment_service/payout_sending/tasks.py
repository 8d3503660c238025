"""The worker's part of sending: rounds that order jobs, and the job that sends one transfer."""

from payment_service.payout_sending.sending import Sender
from payment_service.payout_sending.service import SEND
from perisai_kit.jobs.runner import Handler
from perisai_kit.services.worker import Periodic

DISPATCH_S = 10.0


def list_periodic(sender: Sender) -> list[Periodic]:
    """Return the periodic tasks."""
    return [Periodic("payouts.dispatch", DISPATCH_S, sender.dispatch, is_due=sender.is_due)]


def list_handlers(sender: Sender) -> dict[str, Handler]:
    """Return the handlers of jobs by entrypoint."""
    return {SEND: sender.send}
