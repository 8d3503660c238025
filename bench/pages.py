"""Measure the pages of lists and look-ups in a large world, beside a small one.

Both worlds are asked in turns, so that whatever else the machine does slows both alike.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from bench.keys import KeyServer, serve_keys
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result, compute_percentile
from bench.stage import Stage
from bench.world.lives import NAMES
from bench.world.plan import make_plan
from bench.world.template import open_world
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.http.paging import encode_cursor

TURNS = 10
"""How often each page is asked for in each world and round, after a few that are not counted."""
WARM_UP = 3
WORST_SHOWN = 5
CURSORS = (("first", None), ("middle", 0.5), ("deep", 0.05))
"""Where a page begins: which share of the rows is older."""
BOUND = ""
"""The cursors of these lists name their filters and order: only the first page is asked for."""
MONEY_OUT = (
    "/v1/payout-accounts",
    "/v1/payout-confirmations",
    "/v1/payout-confirmations/missing",
    "/v1/payout-files",
    "/v1/payout-files/{nothing}/answers/{nothing}/rows",
    "/v1/payout-runs",
    "/v1/payout-runs/{nothing}/omissions",
    "/v1/payout-runs/{nothing}/payouts",
    "/v1/payout-stops",
    "/v1/payouts",
    "/v1/scheme-comparisons",
    "/v1/scheme-comparisons/{nothing}/beneficiaries",
    "/v1/tax-recaps/{year}",
    "/v1/tax-remittances",
    "/v1/tax-slips",
)
"""Nothing was paid out in these worlds, so these lists are empty."""
LISTS: Mapping[str, Sequence[tuple[str, Mapping[str, str], str]]] = {
    "member": [
        *(
            ("/v1/members", filters, BOUND)
            for filters in (
                {},
                *(
                    {"standing": each}
                    for each in ("active", "grace", "lapsed", "registered_unpaid")
                ),
            )
        ),
        ("/v1/risk-flags", {}, ""),
    ],
    "agent": [
        ("/v1/agents", {}, "agents"),
        ("/v1/agents", {"status": "active"}, "agents"),
        ("/v1/agents", {"status": "suspended"}, "agents"),
        ("/v1/applications", {}, "applications"),
        ("/v1/applications", {"status": "training"}, "applications"),
        ("/v1/wadahs", {}, "wadahs"),
        ("/v1/bank-accounts", {}, ""),
        ("/v1/tax-identities", {}, ""),
        ("/v1/wadah-moves", {}, ""),
        ("/v1/branches", {}, ""),
    ],
    "payment": [
        *(
            ("/v1/bills", filters, BOUND)
            for filters in ({}, *({"status": each} for each in ("open", "paid", "void", "ended")))
        ),
        ("/v1/payments", {}, "payments"),
        ("/v1/payments", {"coverage": "declined"}, "payments"),
        ("/v1/orders", {}, "orders"),
        ("/v1/statements", {}, "statements"),
        ("/v1/statements", {"month": "{month}"}, "statements"),
        ("/v1/suspense-items", {}, ""),
        ("/v1/refused-payments", {}, ""),
        ("/v1/ledger/accounts", {}, ""),
        ("/v1/ledger/transfers", {}, "ledger_transfers"),
        ("/v1/commission-months", {}, ""),
        ("/v1/commission-schemes", {}, ""),
        ("/v1/bank-partners", {}, ""),
        ("/v1/bank-partners/{partner}/requests", {}, "callbacks"),
        ("/v1/bank-partners/{partner}/history", {}, ""),
        ("/v1/bank-partners/{partner}/credential-changes", {}, ""),
        ("/v1/commission-months/{open_month}/dry-run/statements", {}, "commission_beneficiaries"),
        ("/v1/commission-months/{month}/payees", {}, ""),
        ("/v1/incentive-holds", {}, ""),
        ("/v1/bonus-reviews", {}, ""),
        ("/v1/disputes", {}, ""),
        *((path, {}, "") for path in MONEY_OUT),
        ("/v1/commission-previews/lines", {"agent_id": "{agent}"}, ""),
    ],
}
"""By service: path, filters, and the table whose keys are the cursors."""
LOOK_UPS: Mapping[str, Sequence[str]] = {
    "member": ("/v1/members/{member}", "/v1/members/{member}/coverage"),
    "agent": ("/v1/agents/{agent}", "/v1/agents/{agent}/activity"),
    "payment": (
        "/v1/bills/{bill}",
        "/v1/bills?member_id={member}",
        "/v1/payments/{payment}",
        "/v1/payments?member_id={member}",
        "/v1/statements/{statement}/lines",
        "/v1/commission-previews?agent_id={agent}",
        "/v1/me/incentive",
    ),
}
ROLES = ("agent", "branch officer", "country finance")
NOT_FOR_THEM = (403, 404)


@dataclass(frozen=True, slots=True)
class Page:
    """One page that somebody asks for. label: the same in both worlds."""

    label: str
    service: str
    role: str
    path: str
    params: Mapping[str, str]


@dataclass(slots=True)
class World:
    """Running services on a world, with somebody of each role and some ids."""

    stage: Stage
    clients: dict[str, httpx.Client]
    ids: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)


def measure(stage: Stage, options: Options) -> Result:
    """Measure `list_pages`. stage: with the large world."""
    with ExitStack() as stack:
        small = stack.enter_context(open_world(make_plan(options.small_world), say=_ignore))
        keys = stack.enter_context(serve_keys())
        worlds = [stack.enter_context(_run_world(each, keys)) for each in (stage, small)]
        times = _ask_in_turns(worlds, turns=TURNS * options.rounds)
    rounds = [Round(*(find_p99(spent) for spent in zip(*times.values(), strict=True)))]
    return build_result("list_pages", rounds, describe(times, options))


def describe(times: Mapping[str, tuple[list[float], list[float]]], options: Options) -> str:
    """Say what was measured, and name the pages whose medians differ most."""
    medians = {label: tuple(map(statistics.median, spent)) for label, spent in times.items()}
    ratios = sorted(medians, key=lambda label: medians[label][0] / medians[label][1], reverse=True)
    worst = "; ".join(
        f"{label} {medians[label][0]:.1f} and {medians[label][1]:.1f} ms"
        for label in ratios[:WORST_SHOWN]
    )
    return (
        f"{len(times)} pages of 50 rows of three services over HTTP, {TURNS * options.rounds} times"
        f" each, by {', '.join(ROLES)}; first, middle and deep; {options.world:,} members beside"
        f" {options.small_world:,}, asked in turns; p99 of all requests; the worst medians: {worst}"
    )


def find_p99(lists: Sequence[list[float]]) -> float:
    """Return what at most one request in a hundred takes longer than."""
    return compute_percentile([each for one in lists for each in one], 0.99)


def _ask_in_turns(
    worlds: Sequence[World], *, turns: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Return the milliseconds of each page in the large and in the small world."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for large, small in zip(*(list_pages(each) for each in worlds), strict=True):
        assert large.label == small.label
        asked = zip(worlds, (large, small), strict=True)
        statuses = {_ask(world, page)[0] for world, page in asked}
        if statuses & {*NOT_FOR_THEM}:
            continue
        spent: tuple[list[float], list[float]] = ([], [])
        for turn in range(WARM_UP + turns):
            for world, page, into in zip(worlds, (large, small), spent, strict=True):
                status, ms = _ask(world, page)
                if status != 200:
                    raise BenchError(f"{page.label} was answered {status}")
                if turn >= WARM_UP:
                    into.append(ms)
        found[large.label] = spent
    return found


def _ask(world: World, page: Page) -> tuple[int, float]:
    client = world.clients[page.service]
    began = time.perf_counter()
    # Empty parameters would take away those of the path.
    params = dict(page.params) or None
    answer = client.get(page.path, params=params, headers=world.headers[page.role])
    return answer.status_code, 1_000 * (time.perf_counter() - began)


def list_pages(world: World) -> Iterator[Page]:
    """Yield every page that is asked for."""
    for service, lists in LISTS.items():
        for path, filters, table in lists:
            shown = path + "".join(f" {name}={value}" for name, value in filters.items())
            filled = {name: value.format(**world.ids) for name, value in filters.items()}
            for place, _ in CURSORS if table else CURSORS[:1]:
                cursor = world.ids.get(f"{table} {place}")
                params = filled if cursor is None else {**filled, "cursor": cursor}
                for role in ROLES:
                    label = f"{shown}, {place}, {role}"
                    yield Page(label, service, role, path.format(**world.ids), params)
    for service, paths in LOOK_UPS.items():
        for path in paths:
            for role in ROLES:
                yield Page(f"{path}, {role}", service, role, path.format(**world.ids), {})


@contextmanager
def _run_world(stage: Stage, keys: KeyServer) -> Iterator[World]:
    """Run the services on a world itself: pages are read, and add nothing but read audits."""
    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(stage.run(name, database=name, variables=keys.variables))
        clients = {
            name: stack.enter_context(
                httpx.Client(base_url=stage.services[name].url, timeout=120, trust_env=False)
            )
            for name in NAMES
        }
        world = World(stage, clients)
        asyncio.run(_find_ids(world))
        world.headers = _sign_in(world.ids, keys)
        yield world


def _sign_in(ids: Mapping[str, Any], keys: KeyServer) -> dict[str, dict[str, str]]:
    branch = {"kind": ScopeKind.BRANCH, "code": ids["branch"], "region": ids["region"]}
    make, life_s = keys.tokens.make, 3_600
    return {
        "agent": make(
            Role.AGENT, agent_id=ids["agent"], wadah_id=ids["wadah"], scope=branch, life_s=life_s
        ),
        "branch officer": make(Role.BRANCH_OFFICER, scope=branch, life_s=life_s),
        "country finance": make(
            Role.FINANCE_OFFICER, scope={"kind": ScopeKind.COUNTRY}, life_s=life_s
        ),
    }


async def _find_ids(world: World) -> None:
    """Choose somebody in the middle, and the keys of middle and deep pages."""
    ids = world.ids
    for name in NAMES:
        connection = await asyncpg.connect(world.stage.url(name, "owner"))
        try:
            for key, question in _IDS[name].items():
                wanted = [ids[each] for each in _NEEDED.get(key, ())]
                row = await connection.fetchrow(question, *wanted)
                if row is None:
                    raise BenchError(f"there is no {key} in the world")
                ids |= dict(row)
            for table, column in _KEYS[name].items():
                count = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
                for place, share in CURSORS[1:]:
                    assert share is not None
                    # Most lists begin with the newest.
                    last = await connection.fetchrow(
                        f"SELECT {column} FROM {table} ORDER BY {column} OFFSET $1 LIMIT 1",  # noqa: S608
                        int(count * share),
                    )
                    if last is not None:
                        ids[f"{table} {place}"] = encode_cursor(*last)
        finally:
            await connection.close()


_IDS = {
    "agent": {
        "agent": "SELECT id AS agent, wadah_id AS wadah, branch_code AS branch,"
        " region_code AS region FROM agents ORDER BY id OFFSET (SELECT count(*) / 2 FROM agents)"
        " LIMIT 1",
    },
    "member": {
        "member": "SELECT member_id AS member FROM attribution_periods WHERE agent_id = $1"
        " ORDER BY member_id OFFSET 5 LIMIT 1",
    },
    "payment": {
        "bill": "SELECT id AS bill FROM bills WHERE member_id = $1 ORDER BY id LIMIT 1",
        "payment": "SELECT payment_id AS payment FROM allocations WHERE member_id = $1 LIMIT 1",
        "statement": "SELECT id AS statement, month FROM statements WHERE beneficiary_id = $1"
        " ORDER BY id DESC LIMIT 1",
        "open_month": "SELECT min(booked_month) AS open_month FROM commission_lines,"
        " commission_watermark WHERE booked_month > closed_through",
        "nothing": "SELECT gen_random_uuid() AS nothing, '2026' AS year",
        "partner": "SELECT id AS partner FROM bank_partners LIMIT 1",
    },
}
_NEEDED = {
    "member": ("agent",),
    "bill": ("member",),
    "payment": ("member",),
    "statement": ("agent",),
}
_KEYS = {
    "agent": {"agents": "id", "applications": "id", "wadahs": "id"},
    "member": {},
    "payment": {
        "payments": "paid_at, id",
        "orders": "id",
        "statements": "id",
        "ledger_transfers": "id",
        "callbacks": "id",
        "commission_beneficiaries": "beneficiary_id",
    },
}


def _ignore(text: str) -> None:
    """Take a line of progress."""
