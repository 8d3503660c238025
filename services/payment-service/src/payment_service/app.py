"""The HTTP side of payment-service: wiring only."""

from datetime import timedelta
from functools import partial

import httpx
from fastapi import FastAPI

from payment_service import partitions
from payment_service.bank_access.service import Gate
from payment_service.bank_calls.routes import router as bank_calls
from payment_service.bank_credentials.routes import router as bank_credentials
from payment_service.bank_guides.routes import router as bank_guides
from payment_service.banks.routes import inquiries, verifications
from payment_service.banks.routes import router as banks
from payment_service.bill_lists.routes import router as bill_lists
from payment_service.bills import service as bills_service
from payment_service.bills.routes import router as bills
from payment_service.bonus_reviews.routes import router as bonus_reviews
from payment_service.callbacks import service as callbacks
from payment_service.callbacks.queries import find_held
from payment_service.callbacks.routes import SnapCallbacks
from payment_service.callbacks.writer import Writer
from payment_service.clients.members import MembersClient
from payment_service.clients.payees import PayeesClient
from payment_service.closings.routes import router as closings
from payment_service.collections.routes import router as collections
from payment_service.commissions.routes import router as commissions
from payment_service.counting import service as counting_service
from payment_service.disputes.routes import router as disputes
from payment_service.forfeit_reversals.routes import router as forfeit_reversals
from payment_service.hold_decisions.routes import router as hold_decisions
from payment_service.incentive_holds.routes import router as incentive_holds
from payment_service.incentive_statements.routes import router as incentive_statements
from payment_service.ledger.routes import router as ledger
from payment_service.month_lists.routes import router as months
from payment_service.orders.routes import router as orders
from payment_service.overview.routes import router as overview
from payment_service.overview.service import make_overviews
from payment_service.own_bills.routes import router as own_bills
from payment_service.own_incentives.routes import router as own_incentives
from payment_service.payee_totals.routes import router as payee_totals
from payment_service.payments.routes import router as payments
from payment_service.payout_accounts.routes import router as payout_accounts
from payment_service.payout_confirmations.routes import router as payout_confirmations
from payment_service.payout_files.routes import router as payout_files
from payment_service.payout_formats import service as payout_formats
from payment_service.payout_lists.routes import router as payout_lists
from payment_service.payout_runs.routes import router as payout_runs
from payment_service.payout_settlement.routes import router as payout_settlements
from payment_service.quotes.routes import router as quotes
from payment_service.receipts.routes import router as receipts
from payment_service.refused_payments.routes import router as refused_payments
from payment_service.scheme_comparisons.routes import router as scheme_comparisons
from payment_service.schemes.routes import router as schemes
from payment_service.settings import Settings
from payment_service.statement_documents.files import Printer
from payment_service.statement_documents.routes import router as statement_documents
from payment_service.suspense.routes import router as suspense
from payment_service.tables import MIGRATIONS
from payment_service.tariffs import service as tariffs
from payment_service.tax_remittances.routes import router as tax_remittances
from payment_service.tax_slips.routes import own_recaps, own_slips
from payment_service.tax_slips.routes import recaps as tax_recaps
from payment_service.tax_slips.routes import slips as tax_slips
from payment_service.taxes import service as taxes
from payment_service.taxes.routes import router as taxes_due
from payment_service.verifications.routes import router as month_verifications
from payment_service.worker import (
    make_bank_clients,
    own_feed,
    periodic,
    run_jobs,
    subscribe_to_flags,
    subscriptions,
)
from perisai_kit.services import app as web
from perisai_kit.services.kit import Kit
from perisai_kit.services.names.agents import AgentsClient
from snap_bi.codes import Service

ROUTES = web.describe_routes(
    quotes,
    bill_lists,
    bills,
    orders,
    payments,
    receipts,
    own_bills,
    overview,
    collections,
    refused_payments,
    suspense,
    ledger,
    banks,
    inquiries,
    verifications,
    bank_calls,
    bank_credentials,
    bank_guides,
    schemes,
    scheme_comparisons,
    commissions,
    months,
    closings,
    month_verifications,
    incentive_statements,
    statement_documents,
    own_incentives,
    payee_totals,
    hold_decisions,
    incentive_holds,
    forfeit_reversals,
    bonus_reviews,
    disputes,
    payout_files,
    payout_accounts,
    payout_runs,
    payout_lists,
    payout_confirmations,
    tax_slips,
    tax_recaps,
    own_slips,
    own_recaps,
    taxes_due,
    tax_remittances,
    payout_settlements,
)


def create_app(
    settings: Settings | None = None, *, http_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the app; settings come from the environment unless given."""
    settings = settings or Settings.from_env()
    kit = web.create_kit(settings, migrations=MIGRATIONS, http_transport=http_transport)
    kit.partitioned = partitions.TABLES
    return app_of(kit, settings)


def app_of(kit: Kit, settings: Settings) -> FastAPI:
    """Return the app that stands on this kit."""
    kit.visibility_checks[bills_service.SHOWN_AS] = bills_service.check_visibility
    kit.may_see_person = counting_service.may_see
    tariffs.book(), taxes.book(), payout_formats.book()  # a broken table must not start
    members = MembersClient(kit.client(settings.member_url))
    agents = AgentsClient(kit.client(settings.agent_url))
    feed_of_members = kit.client(settings.member_url)
    feed_of_agents = kit.client(settings.agent_url)
    bank_clients = make_bank_clients(settings, transport=kit.http_transport)
    gate = _make_gate(kit, settings)
    make_writer = partial(Writer, kit.database, kit.keyring, generic_plans=settings.generic_plans)
    payment_writer = make_writer(
        callbacks.take_payments, service=Service.PAYMENT, find_held=find_held
    )
    inquiry_writer = make_writer(callbacks.take_inquiries, service=Service.INQUIRY)
    take = callbacks.Take(payment=payment_writer.take, inquiry=inquiry_writer.take)
    app = web.create_app(
        kit,
        title="Perisai payment-service",
        routes=ROUTES,
        subscriptions=[
            *subscriptions(own=own_feed(kit), members=feed_of_members, agents=feed_of_agents),
            subscribe_to_flags(feed_of_members, settings),
        ],
        periodic=periodic(
            settings,
            agents=feed_of_agents,
            members=members,
            payees=PayeesClient(feed_of_agents),
            clients=bank_clients,
            signals=kit.signals,
        ),
        jobs=run_jobs(settings, bank_clients),
        on_close=[
            payment_writer.close,
            inquiry_writer.close,
            members.close,
            agents.close,
            feed_of_members.close,
            feed_of_agents.close,
            bank_clients.close,
        ],
        inner=partial(SnapCallbacks, gate=gate, take=take),
    )
    app.state.members, app.state.agents = members, agents
    app.state.payees = PayeesClient(feed_of_agents)
    app.state.printer, app.state.overviews = Printer(), make_overviews(kit.database)
    app.state.banks = bank_clients
    return app


def _make_gate(kit: Kit, settings: Settings) -> Gate:
    return Gate(
        kit.database,
        kit.keyring,
        trusted=settings.trusted_proxies,
        cache_s=settings.partner_cache_s,
        bank_time_tolerance=timedelta(minutes=settings.bank_time_tolerance_min),
    )
