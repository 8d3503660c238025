"""What this service does without being asked: `perisai-serve payment --worker`."""

from functools import partial

import httpx

from payment_service import partitions
from payment_service.attributions import tasks as attributions
from payment_service.bank_credentials.tasks import CredentialWatch
from payment_service.bills import tasks as bills
from payment_service.bonus_reviews.tasks import ReviewTasks
from payment_service.callbacks import tasks as callbacks
from payment_service.clients.banks import BankClients
from payment_service.clients.members import MembersClient
from payment_service.clients.payees import PayeesClient
from payment_service.closings.tasks import Closer
from payment_service.commissions import tasks as commissions
from payment_service.commissions.tasks import (
    AnswerSubscription,
    Computation,
    subscribe_to_agents,
)
from payment_service.counting.service import PAYMENTS
from payment_service.disputes import tasks as disputes
from payment_service.ledger import tasks as ledger
from payment_service.month_lists.tasks import DueWatch
from payment_service.orders.tasks import Correcting, on_member_updated, on_registration_corrected
from payment_service.payments.tasks import NewBankWatch
from payment_service.payout_files import tasks as payout_files
from payment_service.payout_preparations.tasks import Preparer
from payment_service.payout_releases.tasks import Releaser
from payment_service.payout_sending import tasks as payout_sending
from payment_service.payout_sending.sending import Sender
from payment_service.payout_settlement import tasks as payout_settlement
from payment_service.payout_settlement.asking import Settler
from payment_service.payouts import tasks as payouts
from payment_service.scheme_comparisons import tasks as scheme_comparisons
from payment_service.scheme_comparisons.tasks import Comparer
from payment_service.settings import Settings
from payment_service.statement_holds import tasks as statement_holds
from payment_service.tables import MIGRATIONS
from payment_service.verifications import tasks as verifications
from perisai_kit.events.catalogue import (
    AgentDismissed,
    BankAccountChanged,
    MemberAttributed,
    MemberUpdated,
    PaymentSettled,
    RegistrationCorrected,
    RegistrationEnded,
)
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import POLL_S, FeedSource, Subscription
from perisai_kit.events.turns import DEFERRABLE
from perisai_kit.jobs import runner
from perisai_kit.jobs.runner import JobRunner
from perisai_kit.services import app as web
from perisai_kit.services.kit import Kit
from perisai_kit.services.worker import Periodic, Worker


def periodic(
    settings: Settings,
    *,
    agents: FeedSource,
    members: MembersClient,
    payees: PayeesClient,
    clients: BankClients,
    signals: Signals | None = None,
) -> list[Periodic]:
    """Return this service's periodic tasks. signals: of the sequencer beside them, if any."""
    expire = partial(bills.every_minute, late_notice_h=settings.bill_late_notice_h)
    computation, closer = Computation(agents, signals), Closer(settings)
    preparer, releaser = Preparer(settings, payees), Releaser(payees)
    comparer = Comparer()
    return [
        Periodic("bills.expire", 60, expire),
        Periodic("orders.correct", 60, Correcting(members).run),
        Periodic("callbacks.forget", 600, callbacks.every_ten_minutes),
        Periodic("commissions.compute", 10, computation.run, is_due=computation.is_due),
        Periodic("closings.run", 10, closer.run, is_due=closer.is_due),
        Periodic("payouts.prepare", 10, preparer.run, is_due=preparer.is_due),
        Periodic("payouts.due", 3600, DueWatch(settings).run),
        Periodic("payouts.release", 10, releaser.run, is_due=releaser.is_due),
        Periodic(
            "payout_files.apply", 10, payout_files.apply_answers, is_due=payout_files.has_answers
        ),
        Periodic("bank_credentials.ending", 600, CredentialWatch(settings).run),
        Periodic("payments.new_banks", 600, NewBankWatch(settings).run),
        Periodic("disputes.count", 3600, disputes.every_hour),
        Periodic("scheme_comparisons.run", 10, comparer.run, is_due=comparer.is_due),
        Periodic("scheme_comparisons.delete", 3600, scheme_comparisons.every_hour),
        Periodic("ledger.snapshot", 3600, ledger.every_hour),
        Periodic("months.verify", 10, verifications.Verifier().run, is_due=verifications.is_due),
        Periodic("jobs.forget", 3600, runner.every_hour),
        *payout_sending.list_periodic(Sender(clients, settings)),
        *payout_settlement.list_periodic(Settler(clients, settings)),
    ]


def run_jobs(settings: Settings, clients: BankClients) -> JobRunner:
    """Return what runs the jobs of this service."""
    handlers = {
        **payout_sending.list_handlers(Sender(clients, settings)),
        **payout_settlement.list_handlers(Settler(clients, settings)),
    }
    return JobRunner(handlers, concurrency=settings.payout_jobs)


def make_bank_clients(
    settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None
) -> BankClients:
    """Return the clients that call banks. transport: the network when left out."""
    return BankClients(
        transport=transport, timeout_s=settings.bank_timeout_s, sandbox=settings.sandbox
    )


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
            urgency=DEFERRABLE,  # what was answered meanwhile need not wait for its answer
            batch_handlers={PaymentSettled: commissions.on_payments_settled},
        ),
        AnswerSubscription(members, Computation(agents), poll_s=poll_s),
        subscribe_to_agents(agents, poll_s=poll_s),
        Subscription(
            name=statement_holds.AGENTS,
            source=agents,
            poll_s=poll_s,
            batch_handlers={AgentDismissed: statement_holds.on_agents_dismissed},
        ),
        Subscription(
            name=payouts.ACCOUNTS,
            source=agents,
            poll_s=poll_s,
            batch_handlers={BankAccountChanged: payouts.on_accounts_changed},
        ),
        Subscription(
            name=attributions.MEMBERS,
            source=members,
            poll_s=poll_s,
            batch_handlers={MemberAttributed: attributions.on_members_attributed},
        ),
        Subscription(
            name=bills.MEMBERS,
            source=members,
            poll_s=poll_s,
            limit=100,  # each locks bills until all of the page are done, and payments wait for 2 s
            handlers={
                RegistrationEnded: bills.on_registration_ended,
                MemberUpdated: on_member_updated,
                RegistrationCorrected: on_registration_corrected,
            },
        ),
    ]


def subscribe_to_flags(members: FeedSource, settings: Settings) -> Subscription:
    """Return the subscription to risk flags, which opens reviews of bonuses."""
    return ReviewTasks(settings.bonus_review_from).subscribe(members, poll_s=POLL_S)


def create_worker() -> Worker:
    """Return the worker that runs in a process of its own; its settings are the environment's."""
    settings = Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS)
    kit.partitioned = partitions.TABLES
    agents, members = kit.client(settings.agent_url), kit.client(settings.member_url)
    clients = make_bank_clients(settings)
    return web.create_worker(
        kit,
        subscriptions=[
            *subscriptions(own=own_feed(kit), members=members, agents=agents),
            subscribe_to_flags(members, settings),
        ],
        periodic=periodic(
            settings,
            agents=agents,
            members=MembersClient(members),
            payees=PayeesClient(agents),
            clients=clients,
            signals=kit.signals,
        ),
        jobs=run_jobs(settings, clients),
    )
