"""What this service does without being asked: `perisai-serve agent --worker`."""

from agent_service.activity import tasks as activity
from agent_service.settings import Settings
from agent_service.tables import MIGRATIONS
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled
from perisai_kit.events.subscription import Subscription
from perisai_kit.services import app as web
from perisai_kit.services.client import ServiceClient
from perisai_kit.services.worker import Worker


def subscriptions(*, members: ServiceClient, payments: ServiceClient) -> list[Subscription]:
    """Return what this service reads of others."""
    return [
        Subscription(
            name="agent.members",
            source=members,
            batch_handlers={MemberAttributed: activity.on_members_attributed},
        ),
        Subscription(
            name="agent.payments",
            source=payments,
            batch_handlers={PaymentSettled: activity.on_payments_settled},
        ),
    ]


def create_worker() -> Worker:
    """Return the worker of a process of its own, told by the environment."""
    settings = Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS)
    return web.create_worker(
        kit,
        subscriptions=subscriptions(
            members=kit.client(settings.member_url), payments=kit.client(settings.payment_url)
        ),
    )
