"""Background work of this service: `perisai-serve member --worker`."""

from member_service.asked_niks import tasks as asked_niks
from member_service.corrections.service import Office, make_office
from member_service.corrections.tasks import CorrectionTasks
from member_service.coverage.tasks import CoverageTasks
from member_service.listings.tasks import ListingTasks
from member_service.open_bills import tasks as open_bills
from member_service.registrations.rules import Terms
from member_service.risk_flags.tasks import RiskTasks
from member_service.settings import Settings
from member_service.tables import MIGRATIONS
from perisai_kit.events.catalogue import (
    AGENT_DECIDED,
    AGENT_MOVED,
    AllocationReversed,
    PaymentSettled,
)
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.subscription import POLL_S, FeedSource, Subscription
from perisai_kit.events.turns import URGENT
from perisai_kit.services import app as web
from perisai_kit.services.client import ServiceClient
from perisai_kit.services.kit import Kit
from perisai_kit.services.worker import Periodic, Worker


def subscriptions(
    *, agents: FeedSource, payments: FeedSource, terms: Terms, poll_s: float = POLL_S
) -> list[Subscription]:
    """Return the subscriptions of this service with the handler of each event."""
    tasks = CoverageTasks(terms)
    return [
        Subscription(
            name="payments",
            source=payments,
            poll_s=poll_s,
            limit=500,  # the first of a longer page would wait for its cover
            urgency=URGENT,  # members look whether they are covered
            batch_handlers={
                PaymentSettled: tasks.on_allocations_changed,
                AllocationReversed: tasks.on_allocations_changed,
            },
        ),
        open_bills.subscribe(payments, poll_s=poll_s),
        Subscription(
            name="agents",
            source=agents,
            poll_s=poll_s,
            batch_handlers={
                **dict.fromkeys(AGENT_DECIDED, tasks.on_agents_decided),
                **dict.fromkeys(AGENT_MOVED, tasks.on_agents_moved),
            },
        ),
    ]


def subscribe_to_own(kit: Kit, settings: Settings, *, poll_s: float = POLL_S) -> Subscription:
    """Return the subscription to our own feed, which flags striking acquisitions."""
    own = LocalFeed(kit.database, source=kit.settings.service, signals=kit.signals)
    return RiskTasks(kit.keyring, settings.risk_thresholds).subscribe(own, poll_s=poll_s)


def periodic(office: Office, gateway: ServiceClient) -> list[Periodic]:
    """Return this service's periodic tasks."""
    listings = ListingTasks(office.keyring)
    corrections = CorrectionTasks(office, gateway)
    return [
        Periodic("registrations.announce", 60, CoverageTasks(office.terms).announce_ends),
        Periodic("asked_niks.delete", 3600, asked_niks.delete_uncounted),
        Periodic("listings.index_words", 60, listings.index_words),
        Periodic("corrections.advance", 15, corrections.advance, is_due=corrections.is_due),
    ]


def create_worker() -> Worker:
    """Return the worker of a separate process, with settings from the environment."""
    settings = Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS)
    return web.create_worker(
        kit,
        subscriptions=[
            *subscriptions(
                agents=kit.client(settings.agent_url),
                payments=kit.client(settings.payment_url),
                terms=settings.terms,
            ),
            subscribe_to_own(kit, settings),
        ],
        periodic=periodic(make_office(settings, kit.keyring), kit.client(settings.gateway_url)),
    )
