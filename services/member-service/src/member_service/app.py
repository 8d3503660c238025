"""The HTTP side of member-service: wiring only."""

import httpx
from fastapi import FastAPI

from member_service.attributions.routes import own as own_attribution
from member_service.attributions.routes import router as attributions
from member_service.changes.routes import router as changes
from member_service.corrections.routes import asking as corrections_asking
from member_service.corrections.routes import router as corrections
from member_service.corrections.service import make_office
from member_service.coverage.routes import bases as contribution_bases
from member_service.coverage.routes import own as own_coverage
from member_service.coverage.routes import router as coverage
from member_service.declarations.routes import router as declarations
from member_service.enrolments.routes import registering
from member_service.enrolments.routes import router as enrolments
from member_service.handovers.routes import router as handovers
from member_service.holidays.routes import router as holidays
from member_service.listings.routes import router as listings
from member_service.lookups.routes import router as lookups
from member_service.members import service as members_service
from member_service.members.routes import router as members
from member_service.occupations.routes import router as occupations
from member_service.overview.routes import router as overview
from member_service.overview.service import make_overviews
from member_service.risk_flags.routes import router as risk_flags
from member_service.settings import Settings
from member_service.tables import MIGRATIONS
from member_service.worker import periodic, subscribe_to_own, subscriptions
from perisai_kit.services import app as web
from perisai_kit.services.kit import Kit
from perisai_kit.services.names.agents import AgentsClient

ROUTES = web.describe_routes(
    enrolments,
    registering,
    listings,
    overview,
    members,
    declarations,
    attributions,
    own_attribution,
    handovers,
    coverage,
    own_coverage,
    contribution_bases,
    changes,
    corrections,
    corrections_asking,
    risk_flags,
    lookups,
    occupations,
    holidays,
)


def create_app(
    settings: Settings | None = None, *, http_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the app; settings come from the environment unless given."""
    settings = settings or Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS, http_transport=http_transport)
    return app_of(kit, settings)


def app_of(kit: Kit, settings: Settings) -> FastAPI:
    """Return the app for this kit."""
    kit.visibility_checks[members_service.SHOWN_AS] = members_service.check_visibility
    kit.may_see_person = members_service.may_see
    agents, payments = kit.client(settings.agent_url), kit.client(settings.payment_url)
    gateway = kit.client(settings.gateway_url)
    agent_names = AgentsClient(kit.client(settings.agent_url))
    app = web.create_app(
        kit,
        title="Perisai member-service",
        routes=ROUTES,
        subscriptions=[
            *subscriptions(agents=agents, payments=payments, terms=settings.terms),
            subscribe_to_own(kit, settings),
        ],
        periodic=periodic(make_office(settings, kit.keyring), gateway),
        on_close=[agents.close, payments.close, gateway.close, agent_names.close],
    )
    app.state.gateway = gateway
    app.state.agents = agent_names
    app.state.joint_leave_counts = settings.joint_leave_counts
    app.state.overviews = make_overviews(kit.database, joint_leave=settings.joint_leave_counts)
    return app
