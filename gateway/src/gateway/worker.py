"""Background work of the gateway: events of others, key rotation, notices, deletion of old rows."""

from datetime import timedelta

import httpx

from gateway.clients.notice_sender import NoticeSender, WebhookNotices
from gateway.clients.webhook import Webhook
from gateway.confirmations import service as confirmations
from gateway.keys import service as keys
from gateway.notices import service as notices
from gateway.otp import service as otp
from gateway.people import tasks as people
from gateway.sessions import service as sessions
from gateway.settings import Settings
from gateway.tables import MIGRATIONS
from gateway.throttles import service as throttles
from gateway.tokens import OwnTokens
from perisai_kit.db.bulk import delete_old
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import (
    AGENT_DECIDED,
    AGENT_MOVED,
    MemberUpdated,
)
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services import app as web
from perisai_kit.services.client import ServiceClient
from perisai_kit.services.worker import Periodic, Worker

ROTATION_EVERY_S = 3600
FORGET_EVERY_S = 600
SEND_NOTICES_EVERY_S = 10


def make_subscriptions(*, agents: ServiceClient, members: ServiceClient) -> list[Subscription]:
    """Return the gateway's subscriptions. agents, members: clients of these services."""
    return [
        Subscription(
            name="gateway.agents",
            source=agents,
            batch_handlers={
                **dict.fromkeys(AGENT_DECIDED, people.on_agents_decided),
                **dict.fromkeys(AGENT_MOVED, people.on_agents_moved),
            },
        ),
        Subscription(
            name="gateway.members",
            source=members,
            batch_handlers={MemberUpdated: people.on_members_updated},
        ),
    ]


def make_periodic(settings: Settings, notice_sender: NoticeSender) -> list[Periodic]:
    """Return the gateway's periodic tasks."""

    async def rotate_keys(database: Database) -> None:
        async with database.begin() as session:
            await keys.rotate_if_due(
                session,
                now=clock.real_now(),
                signs_for=timedelta(seconds=settings.signing_key_s),
            )

    async def send_notices(database: Database) -> None:
        await notices.send_due(database, notice_sender, now=clock.real_now())

    return [
        Periodic("notices.send", SEND_NOTICES_EVERY_S, send_notices),
        Periodic("signing_keys.rotate", ROTATION_EVERY_S, rotate_keys),
        Periodic("sign_ins.forget", FORGET_EVERY_S, forget_old),
    ]


def make_webhook(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None
) -> Webhook | None:
    """Return the webhook for messages, or None in a sandbox without one."""
    if settings.otp_sender_url is None or settings.otp_sender_secret is None:
        return None  # settings.py: only in a sandbox
    return Webhook(settings.otp_sender_url, settings.otp_sender_secret, transport=transport)


def make_notice_sender(
    webhook: Webhook | None, database: Database, keyring: Keyring
) -> NoticeSender:
    """Return the sender of notices: the webhook, or the sandbox's outbox."""
    return notices.Outbox(database, keyring) if webhook is None else WebhookNotices(webhook)


async def forget_old(database: Database) -> bool:
    """Delete old codes, counts, sessions and messages; return whether there is more to do."""
    now = clock.real_now()
    features = (confirmations, notices, otp, sessions, throttles)
    return await delete_old(database, *(old for each in features for old in each.find_old(now=now)))


def create_worker() -> Worker:
    """Return the worker of a process of its own."""
    settings = Settings.from_env()
    database = Database.from_settings(settings, keyring=Keyring.from_settings(settings))
    signing_keys = keys.SigningKeys(database)
    kit = web.create_kit(settings, migrations=MIGRATIONS, keys=signing_keys, database=database)
    kit.tokens = OwnTokens(signing_keys, settings)
    sender = make_notice_sender(make_webhook(settings), database, kit.keyring)
    return web.create_worker(
        kit,
        subscriptions=make_subscriptions(
            agents=kit.client(settings.agent_address), members=kit.client(settings.member_address)
        ),
        periodic=make_periodic(settings, sender),
    )
