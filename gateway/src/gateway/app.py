"""The application of the gateway: its own routes, the edge before them, and its clients."""

from collections.abc import Awaitable, Callable
from functools import partial

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.accounts.routes import may_see as may_see_account
from gateway.accounts.routes import me_router, roles_router
from gateway.accounts.routes import router as accounts_router
from gateway.clients.otp_sender import OtpSender, WebhookSender
from gateway.clients.webhook import Webhook
from gateway.confirmations.routes import router as confirmations_router
from gateway.credentials.routes import me_router as own_credentials_router
from gateway.credentials.routes import router as credentials_router
from gateway.edge.admission import Admission
from gateway.edge.headers import AnswerHeaders
from gateway.edge.limits import Limiter
from gateway.edge.pool import UpstreamPool
from gateway.edge.public import PublicEdge
from gateway.edge.relay import Relay
from gateway.edge.routes import SMALL, Routes
from gateway.edge.snap import SnapEdge, make_bank_pool
from gateway.emails.routes import router as emails_router
from gateway.emails.routes import sandbox_router as mails_router
from gateway.keys.routes import public_router as jwks_router
from gateway.keys.routes import router as keys_router
from gateway.keys.service import SigningKeys
from gateway.notices.routes import phone_router as phone_notices_router
from gateway.notices.routes import router as notices_router
from gateway.openapi.routes import router as public_router
from gateway.otp.routes import router as otp_router
from gateway.otp.routes import sandbox_router
from gateway.otp.service import Outbox
from gateway.parts import Parts
from gateway.reference.routes import router as reference_router
from gateway.revocations.routes import router as revocations_router
from gateway.revocations.service import OwnRevocations
from gateway.sessions.routes import auth_router
from gateway.sessions.routes import router as sessions_router
from gateway.settings import Settings
from gateway.tables import MIGRATIONS
from gateway.throttles.service import Throttles
from gateway.tokens import OwnTokens
from gateway.worker import make_channels, make_periodic, make_subscriptions, make_webhook
from perisai_kit.db.engine import Database
from perisai_kit.http.answers.cross_origin import CrossOrigin
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.app import create_app as create_kit_app
from perisai_kit.services.app import create_kit, describe_routes
from perisai_kit.services.client import ServiceClient
from perisai_kit.services.kit import Kit

ROUTES = describe_routes(
    public_router,
    reference_router,
    jwks_router,
    otp_router,
    auth_router,
    sessions_router,
    me_router,
    own_credentials_router,
    credentials_router,
    accounts_router,
    roles_router,
    emails_router,
    notices_router,
    keys_router,
    revocations_router,
    confirmations_router,
    phone_notices_router,
)
SANDBOX_ROUTES = describe_routes(sandbox_router, mails_router)


def create_app(
    settings: Settings | None = None,
    *,
    http_transport: httpx.AsyncBaseTransport | None = None,
    database: Database | None = None,
) -> FastAPI:
    """Return the gateway.

    http_transport: for the gateway's own requests, not for relayed ones; the network when left out.
    database: an existing one; made from the settings when left out.
    """
    settings = settings or Settings.from_env()
    database = database or open_database(settings)
    keys = SigningKeys(database)
    revocations = OwnRevocations(settings, database, keys)
    kit = create_kit(
        settings,
        migrations=MIGRATIONS,
        keys=keys,
        revocations=revocations,
        http_transport=http_transport,
        database=database,
    )
    kit.tokens, kit.may_see_person = OwnTokens(keys, settings), may_see_account
    agents, members, payments = _make_clients(settings, kit)
    relay, banks = Relay(settings), make_bank_pool(settings)
    webhook = make_webhook(settings, http_transport)
    sender = _make_otp_sender(webhook, kit)
    app = create_kit_app(
        kit,
        title="Perisai gateway",
        routes=[*ROUTES, *SANDBOX_ROUTES] if settings.sandbox else ROUTES,
        subscriptions=make_subscriptions(agents=agents, members=members, payments=payments),
        periodic=make_periodic(settings, make_channels(settings, webhook, database, kit.keyring)),
        background=[revocations.keep_reloading],
        on_close=_list_closers(webhook, agents, members, payments, relay, banks),
        outer=partial(_edge, settings=settings, kit=kit, relay=relay, banks=banks),
        body_limit=SMALL,
        openapi_url=None,
    )
    app.state.parts = _make_parts(kit, settings, keys, sender, (agents, members, payments))
    app.state.revocations = revocations
    return app


def _make_parts(
    kit: Kit,
    settings: Settings,
    keys: SigningKeys,
    sender: OtpSender,
    clients: tuple[ServiceClient, ServiceClient, ServiceClient],
) -> Parts:
    agents, members, payments = clients
    return Parts(
        settings=settings,
        database=kit.database,
        keyring=kit.keyring,
        keys=keys,
        sender=sender,
        agents=agents,
        members=members,
        payments=payments,
        throttles=Throttles(kit.keyring, settings),
    )


def open_database(settings: Settings) -> Database:
    """Return the gateway's database. No connection is opened yet."""
    return Database.from_settings(settings, keyring=Keyring.from_settings(settings))


def _make_clients(
    settings: Settings, kit: Kit
) -> tuple[ServiceClient, ServiceClient, ServiceClient]:
    """Return the clients of agent-, member- and payment-service."""
    # A shorter time-out than usual, because a sign-in waits for it.
    members = ServiceClient(
        settings.member_address,
        kit.tokens,
        timeout_s=settings.member_lookup_timeout_s,
        transport=kit.http_transport,
    )
    return kit.client(settings.agent_address), members, kit.client(settings.payment_address)


def _make_otp_sender(webhook: Webhook | None, kit: Kit) -> OtpSender:
    return Outbox(kit.database, kit.keyring) if webhook is None else WebhookSender(webhook)


def _list_closers(
    *clients: Webhook | ServiceClient | Relay | UpstreamPool | None,
) -> list[Callable[[], Awaitable[None]]]:
    return [each.close for each in clients if each is not None]


def _edge(
    app: ASGIApp, *, settings: Settings, kit: Kit, relay: Relay, banks: UpstreamPool
) -> ASGIApp:
    """Return the gateway's own routes behind the layers of the edge, from the outside in.

    The kit's access log is outside of them, its request context inside.
    """
    return AnswerHeaders(
        SnapEdge(
            CrossOrigin(
                PublicEdge(
                    app,
                    settings=settings,
                    admission=Admission(
                        settings=settings,
                        authenticator=kit.authenticator,
                        limiter=Limiter(settings.rate_limits),
                    ),
                    relay=relay,
                    routes=Routes(),
                ),
                origins=settings.cors_origins,
                localhost=settings.sandbox,
            ),
            settings=settings,
            pool=banks,
        )
    )
