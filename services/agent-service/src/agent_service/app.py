"""Wiring: `perisai-serve agent`."""

import httpx
from fastapi import FastAPI

from agent_service.activity import routes as activity
from agent_service.agents import routes as agents
from agent_service.agents import service as agents_service
from agent_service.applications import routes as applications
from agent_service.bank_accounts import routes as bank_accounts
from agent_service.branches import routes as branches
from agent_service.dependencies import Others
from agent_service.overview import routes as overview
from agent_service.payees import routes as payees
from agent_service.settings import Settings
from agent_service.tables import MIGRATIONS
from agent_service.tax_identities import routes as tax_identities
from agent_service.wadah_moves import routes as wadah_moves
from agent_service.wadahs import routes as wadahs
from agent_service.worker import periodic, subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.services import app as web

ROUTES = web.describe_routes(
    branches.router,
    branches.reading,
    wadahs.router,
    wadahs.reading,
    wadahs.names,
    applications.applying,
    applications.router,
    applications.reading,
    applications.asking,
    agents.router,
    agents.reading,
    agents.names,
    agents.own,
    bank_accounts.router,
    bank_accounts.reading,
    bank_accounts.asking,
    tax_identities.router,
    tax_identities.reading,
    wadah_moves.proposing,
    wadah_moves.router,
    wadah_moves.reading,
    payees.router,
    activity.reading,
    overview.reading,
)


def create_app(
    settings: Settings | None = None,
    *,
    http_transport: httpx.AsyncBaseTransport | None = None,
    database: Database | None = None,
) -> FastAPI:
    """Return the service's app.

    http_transport: for calls to other services. database: an existing one to use.
    """
    settings = settings or Settings.from_env()
    kit = web.create_kit(
        settings, migrations=MIGRATIONS, http_transport=http_transport, database=database
    )
    kit.may_see_person = agents_service.may_see
    members, payments = kit.client(settings.member_url), kit.client(settings.payment_url)
    app = web.create_app(
        kit,
        title="Perisai agent-service",
        routes=ROUTES,
        subscriptions=subscriptions(members=members),
        periodic=periodic(),
        on_close=(members.close, payments.close),
    )
    app.state.others = Others(members=members, payments=payments)
    return app
