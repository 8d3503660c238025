"""Background work of this service: `perisai-serve agent --worker`."""

from agent_service.activity import tasks as activity
from agent_service.asked_niks import tasks as asked_niks
from agent_service.settings import Settings
from agent_service.tables import MIGRATIONS
from agent_service.wadah_moves import tasks as wadah_moves
from perisai_kit.events.catalogue import CoverageDeclined, CoverageExtended, CoverageWithdrawn
from perisai_kit.events.subscription import POLL_S, FeedSource, Subscription
from perisai_kit.events.turns import DEFERRABLE
from perisai_kit.services import app as web
from perisai_kit.services.worker import Periodic, Worker


def periodic() -> list[Periodic]:
    """Return the periodic tasks of this service."""
    return [
        Periodic("wadah_moves.count", 60, wadah_moves.count_begun),
        Periodic("asked_niks.delete", 3600, asked_niks.delete_uncounted),
    ]


def subscriptions(*, members: FeedSource, poll_s: float = POLL_S) -> list[Subscription]:
    """Return the subscriptions of this service."""
    answered = activity.on_coverage_answered
    return [
        Subscription(
            name="agent.members",
            source=members,
            batch_handlers={
                CoverageExtended: answered,
                CoverageWithdrawn: answered,
                CoverageDeclined: answered,
            },
            poll_s=poll_s,
            urgency=DEFERRABLE,
        ),
    ]


def create_worker() -> Worker:
    """Return the worker of a separate process, with settings from the environment."""
    settings = Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS)
    members = kit.client(settings.member_url)
    return web.create_worker(kit, subscriptions=subscriptions(members=members), periodic=periodic())
