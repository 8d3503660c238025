"""What the gateway does without being asked: follow agent-service, rotate keys, forget."""

from datetime import timedelta

from gateway.accounts import tasks as accounts
from gateway.codes import service as codes
from gateway.keys import service as keys
from gateway.sessions import service as sessions
from gateway.settings import Settings
from gateway.tokens import OwnTokens
from perisai_kit import clock
from perisai_kit.client import ServiceClient
from perisai_kit.db import Database
from perisai_kit.events import AgentActivated, AgentDismissed, AgentReinstated, AgentSuspended
from perisai_kit.idempotency import forget_old_keys
from perisai_kit.log import configure_logging
from perisai_kit.pii import Keyring
from perisai_kit.subscription import Subscription
from perisai_kit.worker import Periodic, Worker

ROTATION_EVERY_S = 3600
FORGET_EVERY_S = 600


def subscriptions(agents: ServiceClient) -> list[Subscription]:
    """Return what the gateway reads of others. agents: a client of agent-service."""
    return [
        Subscription(
            name="gateway.agents",
            source=agents,
            handlers={
                AgentActivated: accounts.on_agent_activated,
                AgentReinstated: accounts.on_agent_activated,
                AgentSuspended: accounts.on_agent_away,
                AgentDismissed: accounts.on_agent_away,
            },
        )
    ]


def periodic(settings: Settings) -> list[Periodic]:
    """Return what the gateway does every so often."""

    async def rotate_keys(database: Database) -> None:
        async with database.begin() as session:
            await keys.rotate_if_due(
                session,
                now=clock.real_now(),
                signs_for=timedelta(seconds=settings.signing_key_s),
            )

    return [
        Periodic("signing_keys.rotate", ROTATION_EVERY_S, rotate_keys),
        Periodic("sign_ins.forget", FORGET_EVERY_S, forget_old),
    ]


async def forget_old(database: Database) -> None:
    """Delete old codes, counts and sessions; bounded a run."""
    async with database.begin() as session:
        await codes.forget_old(session, now=clock.real_now())
        await sessions.forget_old(session, now=clock.real_now())


def create_worker() -> Worker:
    """Return the worker of a process of its own."""
    settings = Settings.from_env()
    configure_logging(service=settings.service)
    clock.follow_test_clock(settings.clock_file, sandbox=settings.sandbox)
    database = Database(
        settings.database_url.get_secret_value(), keyring=Keyring.from_settings(settings)
    )
    tokens = OwnTokens(keys.SigningKeys(database), settings)
    agents = ServiceClient(settings.agent_url, tokens, timeout_s=settings.service_timeout_s)
    forget_keys = Periodic("idempotency.forget", 600, forget_old_keys)
    return Worker(
        database,
        subscriptions=subscriptions(agents),
        periodic=[*periodic(settings), forget_keys],
    )
