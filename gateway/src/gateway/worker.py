"""Background work of the gateway: events of others, key rotation, notices, deletion of old rows."""

from datetime import datetime, timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.mail import MailNotices
from gateway.clients.notice_sender import Channels, NoticeSender, WebhookNotices
from gateway.clients.webhook import Webhook
from gateway.confirmations import service as confirmations
from gateway.incentive_notices import tasks as incentive_notices
from gateway.keys import service as keys
from gateway.notices import service as notices
from gateway.notices.rules import QuietHours
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
    PayoutPaid,
    PayoutPaidForAgent,
    PayoutReturned,
    PayoutReturnedForAgent,
    StatementIssued,
)
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services import app as web
from perisai_kit.services.client import ServiceClient
from perisai_kit.services.worker import Periodic, Worker

ROTATION_EVERY_S = 3600
FORGET_EVERY_S = 600
SEND_NOTICES_EVERY_S = 10


def make_subscriptions(
    *, agents: ServiceClient, members: ServiceClient, payments: ServiceClient
) -> list[Subscription]:
    """Return the gateway's subscriptions. agents, members, payments: clients of these services."""
    incentives = (
        StatementIssued,
        PayoutPaid,
        PayoutPaidForAgent,
        PayoutReturned,
        PayoutReturnedForAgent,
    )
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
            name="gateway.payments",
            source=payments,
            batch_handlers=dict.fromkeys(incentives, incentive_notices.on_incentives_changed),
        ),
        Subscription(
            name="gateway.members",
            source=members,
            batch_handlers={MemberUpdated: people.on_members_updated},
        ),
    ]


def make_periodic(settings: Settings, channels: Channels) -> list[Periodic]:
    """Return the gateway's periodic tasks."""

    async def rotate_keys(database: Database) -> None:
        async with database.begin() as session:
            await keys.rotate_if_due(
                session,
                now=clock.real_now(),
                signs_for=timedelta(seconds=settings.signing_key_s),
            )

    quiet = read_quiet_hours(settings)

    def is_quiet(now: datetime) -> bool:
        return quiet is not None and quiet.has(now)

    async def has_notices(session: AsyncSession) -> bool:
        now = clock.real_now()
        return await notices.has_due(session, now=now, is_quiet=is_quiet(now))

    async def send_notices(database: Database) -> bool:
        now = clock.real_now()
        return await notices.send_due(database, channels, now=now, is_quiet=is_quiet(now))

    return [
        Periodic("notices.send", SEND_NOTICES_EVERY_S, send_notices, is_due=has_notices),
        Periodic("signing_keys.rotate", ROTATION_EVERY_S, rotate_keys),
        Periodic("sign_ins.forget", FORGET_EVERY_S, forget_old),
    ]


def read_quiet_hours(settings: Settings) -> QuietHours | None:
    """Return when notices about incentives wait; None: never."""
    begin, end = settings.notice_quiet_from, settings.notice_quiet_until
    return None if begin is None or end is None else QuietHours(begin, end)


def make_webhook(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None
) -> Webhook | None:
    """Return the webhook for messages, or None in a sandbox without one."""
    if settings.otp_sender_url is None or settings.otp_sender_secret is None:
        return None  # settings.py: only in a sandbox
    return Webhook(settings.otp_sender_url, settings.otp_sender_secret, transport=transport)


def make_channels(
    settings: Settings, webhook: Webhook | None, database: Database, keyring: Keyring
) -> Channels:
    """Return the senders of notices. What is not configured is the outbox of a sandbox."""
    mail: NoticeSender | None = None
    if settings.mail_server is not None:
        mail = MailNotices(settings.mail_server)
    elif settings.sandbox:
        mail = notices.Outbox(database, keyring, "email")
    if webhook is None:  # settings.py: only in a sandbox
        return Channels(notices.Outbox(database, keyring, "phone"), mail)
    return Channels(WebhookNotices(webhook), mail)


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
    channels = make_channels(settings, make_webhook(settings), database, kit.keyring)
    return web.create_worker(
        kit,
        subscriptions=make_subscriptions(
            agents=kit.client(settings.agent_address),
            members=kit.client(settings.member_address),
            payments=kit.client(settings.payment_address),
        ),
        periodic=make_periodic(settings, channels),
    )
