"""What this service does without being asked: `perisai-serve payment --worker`."""

from functools import partial

from payment_service.bills import tasks as bills
from payment_service.callbacks import tasks as callbacks
from payment_service.care import tasks as care
from payment_service.commissions import tasks as commissions
from payment_service.counting.service import AGENTS, MEMBERS, PAYMENTS
from payment_service.ledger import tasks as ledger
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
    CareChanged,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    PaymentSettled,
    RegistrationEnded,
    WadahAgreementSigned,
    WadahTerminated,
)
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.subscription import POLL_S, FeedSource, Subscription
from perisai_kit.services import app as web
from perisai_kit.services.kit import Kit
from perisai_kit.services.worker import Periodic, Worker

AGENTS_POLL_S = 2.0
"""How long a request waits at agent-service's feed. Commission waits until it has been read up to
the payment, and a feed without news says so only when a request ends."""


def periodic(settings: Settings) -> list[Periodic]:
    """Return this service's periodic tasks."""
    expire = partial(bills.every_minute, late_notice_h=settings.bill_late_notice_h)
    return [
        Periodic("bills.expire", 60, expire),
        Periodic("callbacks.forget", 600, callbacks.every_ten_minutes),
        Periodic("commissions.compute", 1, commissions.every_second),
        Periodic("ledger.snapshot", 3600, ledger.every_hour),
    ]


def own_feed(kit: Kit) -> LocalFeed:
    """Return our own events, to read as others do."""
    return LocalFeed(kit.database, source=kit.settings.service, signals=kit.signals)


def subscriptions(
    *, own: FeedSource, members: FeedSource, agents: FeedSource, poll_s: float = POLL_S
) -> list[Subscription]:
    """Return which feeds this service reads, and what each event does here."""
    return [
        Subscription(
            name=PAYMENTS,
            source=own,
            poll_s=poll_s,
            batch_handlers={PaymentSettled: commissions.on_payments_settled},
        ),
        Subscription(
            name=MEMBERS,
            source=members,
            poll_s=poll_s,
            batch_handlers={
                CoverageExtended: commissions.on_coverage_answered,
                CoverageWithdrawn: commissions.on_coverage_answered,
                CoverageDeclined: commissions.on_coverage_answered,
            },
        ),
        Subscription(
            name=AGENTS,
            source=agents,
            poll_s=min(poll_s, AGENTS_POLL_S),
            batch_handlers={
                AgentActivated: commissions.on_agents_decided,
                AgentReinstated: commissions.on_agents_decided,
                AgentSuspended: commissions.on_agents_decided,
                AgentDismissed: commissions.on_agents_decided,
                WadahAgreementSigned: commissions.on_agreements_signed,
                WadahTerminated: commissions.on_wadahs_terminated,
            },
        ),
        Subscription(
            name=care.MEMBERS,
            source=members,
            poll_s=poll_s,
            batch_handlers={CareChanged: care.on_care_changed},
        ),
        Subscription(
            name=bills.MEMBERS,
            source=members,
            poll_s=poll_s,
            handlers={RegistrationEnded: bills.on_registration_ended},
        ),
    ]


def create_worker() -> Worker:
    """Return the worker of a process of its own, told by the environment."""
    settings = Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS)
    return web.create_worker(
        kit,
        subscriptions=subscriptions(
            own=own_feed(kit),
            members=kit.client(settings.member_url),
            agents=kit.client(settings.agent_url),
        ),
        periodic=periodic(settings),
    )
