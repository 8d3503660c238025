"""The application of a service, built from its parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from perisai_kit.auth.keys import KeySource, RemoteKeys
from perisai_kit.auth.revocations import Revocations
from perisai_kit.auth.tokens import Authenticator
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.events.feed import FeedReader
from perisai_kit.events.feed import router as feed_router
from perisai_kit.events.signals import Signals, exchange_notifications
from perisai_kit.events.subscription import Subscription
from perisai_kit.http.access_log import AccessLog, RequestContext
from perisai_kit.http.answers.compression import Compression
from perisai_kit.http.answers.head import HeadAsGet
from perisai_kit.http.answers.not_modified import NotModified
from perisai_kit.http.answers.problem import Problem
from perisai_kit.http.body import BodyLimit
from perisai_kit.http.dependencies import refuse_unknown_parameters
from perisai_kit.http.problems import COMMON_RESPONSES, install_problems
from perisai_kit.jobs.runner import JobRunner
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import configure_logging
from perisai_kit.runtime.settings import ServiceSettings
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.services.kit import Background, Kit
from perisai_kit.services.operations import router as operations_router
from perisai_kit.services.operators.failed_jobs import build_jobs_router
from perisai_kit.services.operators.parked_events import build_parked_router
from perisai_kit.services.read_audits.router import build_read_audit_router
from perisai_kit.services.revocations import RemoteRevocations
from perisai_kit.services.worker import Periodic, Worker

Wrap = Callable[[ASGIApp], ASGIApp]
"""Puts layers around an app."""
BODY_LIMIT = 1_048_576


class App(FastAPI):
    """FastAPI inside of our own ASGI layers.

    An answer of our layers does not pass FastAPI's own layers, which cost a request on a hot path
    as much as parsing its body.
    """

    def __init__(self, *, wrap: Wrap, **options: Any) -> None:
        """wrap: puts our layers around FastAPI's application."""
        super().__init__(**options)
        self._entrance = wrap(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._entrance(scope, receive, send)


def create_kit(
    settings: ServiceSettings,
    *,
    migrations: Path,
    keys: KeySource | None = None,
    revocations: Revocations | None = None,
    http_transport: httpx.AsyncBaseTransport | None = None,
    database: Database | None = None,
) -> Kit:
    """Build the parts of a service. No connection is opened yet.

    keys: verification keys; the gateway's JWKS when left out. revocations: revoked tokens; the
    gateway's list when left out. http_transport: for requests to other services; the network when
    left out. database: an existing one; made from the settings when left out.
    """
    clock.follow_test_clock(settings.clock_file, sandbox=settings.sandbox)
    keyring = Keyring.from_settings(settings)
    database = database or Database.from_settings(settings, keyring=keyring)
    signals = Signals()
    database.after_publish = signals.published.send
    tokens = TokenSource(
        gateway_url=settings.gateway_url,
        client_id=settings.service,
        client_secret=settings.client_secret.get_secret_value(),
        transport=http_transport,
    )
    background: list[Background] = []
    on_close: list[Callable[[], Any]] = []
    if keys is None:
        keys = remote_keys = RemoteKeys(settings.gateway_url, http_transport)
        background.append(remote_keys.keep_fresh)
    if revocations is None:
        gateway = ServiceClient(settings.gateway_url, tokens, transport=http_transport)
        revocations = remote_revocations = RemoteRevocations(gateway)
        background.append(remote_revocations.keep_fresh)
        on_close.append(remote_revocations.close)
    return Kit(
        settings=settings,
        database=database,
        keyring=keyring,
        authenticator=Authenticator(keys, issuer=settings.issuer, revocations=revocations),
        tokens=tokens,
        signals=signals,
        http_transport=http_transport,
        subscriptions=[],
        migrations=migrations,
        background=background,
        on_close=on_close,
    )


def operation_id(route: APIRoute) -> str:
    """Return what a client calls an operation: `members.list` for `list_members` of `members`.

    The tag names the resource. The function's name is the verb; a noun that ends both is left out.
    """
    resource = "_".join(map(str, route.tags[:1])).replace("-", "_").replace(" ", "_")
    words = resource.split("_")
    for start in range(len(words)):
        plural = "_".join(words[start:])
        for noun in (plural, plural.removesuffix("s"), plural.removesuffix("es")):
            if route.name.endswith(f"_{noun}"):
                return f"{resource}.{route.name.removesuffix(f'_{noun}')}"
    return f"{resource}.{route.name}"


def describe_routes(*routers: APIRouter) -> list[BaseRoute]:
    """Return what these routers serve, for every app of this process that has them.

    The framework works out the parameters of a handler anew for each app that includes its router,
    which takes a quarter of a second a service; these it works out once, at the first request.
    """
    whole = APIRouter(
        dependencies=[Depends(refuse_unknown_parameters)],
        responses=COMMON_RESPONSES,
        generate_unique_id_function=operation_id,
    )
    for router in routers:
        whole.include_router(router)
    return whole.routes


@cache
def _common_routes(service: str) -> list[BaseRoute]:
    own = (build_parked_router(service), build_read_audit_router(service))
    return describe_routes(operations_router, feed_router, *own)


@cache
def _job_routes(service: str) -> list[BaseRoute]:
    return describe_routes(build_jobs_router(service))


def create_app(
    kit: Kit,
    *,
    title: str,
    routes: Sequence[BaseRoute],
    subscriptions: Sequence[Subscription] = (),
    periodic: Sequence[Periodic] = (),
    jobs: JobRunner | None = None,
    background: Sequence[Background] = (),
    on_close: Sequence[Callable[[], Any]] = (),
    outer: Wrap | None = None,
    inner: Wrap | None = None,
    body_limit: int = BODY_LIMIT,
    openapi_url: str | None = "/openapi.json",
) -> App:
    """Return the app of a service.

    routes: its own, from `describe_routes`; those that every service has come first.
    subscriptions, periodic, jobs: run inside this process when `RUN_WORKER=1`. background: run in
    every process. on_close: awaited at shutdown, such as the `close` of clients. outer, inner:
    layers around the request context, outside of error handlers. openapi_url: None: the app's own.
    """
    worker = _worker(kit, subscriptions, periodic, jobs)
    service = kit.settings.service
    notify = partial(exchange_notifications, kit.database, signals=kit.signals)
    tasks = [*kit.background, *background, worker.run if kit.settings.run_worker else notify]

    def wrap(framework: ASGIApp) -> ASGIApp:
        behind = HeadAsGet(inner(framework) if inner else framework)
        within = RequestContext(behind)
        return AccessLog(outer(within) if outer else within, service=service)

    lifespan = _lifespan(kit, tasks, [*kit.on_close, *on_close])
    app = _bare_app(
        service,
        wrap,
        title=title,
        lifespan=lifespan,
        openapi_url=openapi_url,
        routes=[*_common_routes(service), *(_job_routes(service) if jobs else []), *routes],
    )
    app.state.kit = kit
    app.state.feed = FeedReader(kit.database, source=service, signals=kit.signals)
    app.add_middleware(BodyLimit, limit=body_limit)
    app.add_middleware(NotModified)
    app.add_middleware(Compression)  # outermost: an ETag is made of what is not yet compressed
    install_problems(app)
    _document_problems(app)
    return app


def create_worker(
    kit: Kit,
    *,
    subscriptions: Sequence[Subscription] = (),
    periodic: Sequence[Periodic] = (),
    jobs: JobRunner | None = None,
) -> Worker:
    """Return the worker of a process of its own: what a service names, and what every one has."""
    configure_logging(service=kit.settings.service)
    return _worker(kit, subscriptions, periodic, jobs)


def _worker(
    kit: Kit, read: Sequence[Subscription], periodic: Sequence[Periodic], jobs: JobRunner | None
) -> Worker:
    kit.subscriptions = list(read)
    return Worker(
        kit.database,
        signals=kit.signals,
        subscriptions=read,
        periodic=periodic,
        partitioned=kit.partitioned,
        jobs=jobs,
    )


def _bare_app(service: str, wrap: Wrap, **options: Any) -> App:
    return App(
        wrap=wrap,
        version=version(service),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name an inner address
        # Metrics and the access line are the kit's own; asking who else listens costs each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        **options,
    )


def _lifespan(
    kit: Kit, background: Sequence[Background], on_close: Sequence[Callable[[], Any]]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        configure_logging(service=kit.settings.service)
        running = [asyncio.create_task(run()) for run in background]
        try:
            yield
        finally:
            await _stop(running)
            for close in on_close:
                await close()
            await kit.database.dispose()

    return lifespan


async def _stop(running: Sequence[asyncio.Task[Any]]) -> None:
    for task in running:
        task.cancel()
    for task in running:
        with suppress(asyncio.CancelledError):
            await task


def _document_problems(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas["Problem"] = problem
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it
