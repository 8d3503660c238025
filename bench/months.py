"""Measure the closing of a month by the worker, beside the bare aggregate."""

import asyncio
import os
import time
from dataclasses import dataclass, field

import asyncpg
import httpx

from bench.keys import KeyServer, serve_keys
from bench.memory import read_resident_mb
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from payment_service.closings.tasks import Closer
from payment_service.settings import Settings
from payment_service.verifications import service as verifications
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.services.worker import Periodic, Turn

MOST_S = 600.0
# What a month's statements are made of; nothing is stored, and nothing is published.
AGGREGATE = """
    SELECT count(*), sum(line_count), sum(parts) FROM (
        SELECT beneficiary_id, count(*) AS line_count,
               sum(parts) FILTER (WHERE rule = 'contribution') AS parts,
               sum(parts) FILTER (WHERE rule = 'acquisition') AS acquired,
               sum(parts) FILTER (WHERE rule = 'override') AS overrides
        FROM commission_lines WHERE booked_month = $1 GROUP BY beneficiary_id) AS earned
"""
OPEN = """
    SELECT min(booked_month) FROM commission_lines, commission_watermark
    WHERE booked_month > closed_through
"""
SETTLED = """
    SELECT count(*) FROM (SELECT DISTINCT allocation_id, contribution_month FROM commission_lines
                          WHERE booked_month = $1 AND cause = 'contribution') AS settled
"""


@dataclass(slots=True)
class Closed:
    """What a closing took.

    seconds: of the worker. agreed_s: of the proposal, with its figures, and the confirmation.
    steps: the seconds of each transaction of the worker. verified_s: of the verification of it.
    """

    seconds: float = 0.0
    agreed_s: float = 0.0
    listed_ms: float = 0.0
    verified_s: float = 0.0
    steps: list[float] = field(default_factory=list)
    grown_mb: float = 0.0


class TimedCloser(Closer):
    """The worker's task, with the seconds of each of its transactions."""

    def __init__(self, steps: list[float]) -> None:
        super().__init__(Settings.model_construct())
        self._steps = steps

    async def _step(self, database: Database) -> bool:
        began = time.monotonic()
        is_more = await super()._step(database)
        self._steps.append(time.monotonic() - began)
        return is_more


def close_months(stage: Stage, options: Options) -> Result:
    """Measure `month_close`: one round only where the disk has no room. stage: with a world."""
    rounds: list[Round] = []
    size = 0
    closed = Closed()
    with serve_keys() as keys:
        while len(rounds) < options.rounds and not stage.is_used_up:
            with stage.borrow("payment") as database:
                url = stage.url(database, "owner")
                month, size = asyncio.run(_find_month(url))
                beside = asyncio.run(_aggregate(url, month))
                closed = _close(stage, keys, database, month)
            rounds.append(Round(closed.seconds, beside))
    first, sums, *others = closed.steps
    how = (
        f"month with {size:,.0f} settled contribution months of {options.world:,} members,"
        f" proposed and confirmed over HTTP in {closed.agreed_s:.1f} s (not counted) and closed by"
        f" the task of payment-service's worker in {len(closed.steps)} transactions: the one that"
        f" locks the months {1_000 * first:.0f} ms, the sums {sums:.1f} s, the longest of the rest"
        f" {1_000 * max(others):.0f} ms; the process of the task grew by {closed.grown_mb:.0f} MB;"
        " fsync on; yardstick: the sums by beneficiary and rule over the same lines, the second of"
        f" two runs; the list of months answers in {closed.listed_ms:.0f} ms; the verification on"
        f" the month takes {closed.verified_s:.1f} s and agrees (not counted)"
    )
    return build_result("month_close", rounds, how)


async def _find_month(url: str) -> tuple[str, int]:
    """Return the first open month, and how many contribution months are settled in it."""
    connection = await asyncpg.connect(url)
    try:
        month = await connection.fetchval(OPEN)
        if month is None:
            raise BenchError("no month is open")
        return month, await connection.fetchval(SETTLED, month)
    finally:
        await connection.close()


async def _aggregate(url: str, month: str) -> float:
    """Return the seconds of the aggregate, with the rows in memory as for the closing after it."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(2):
            began = time.monotonic()
            await connection.fetchrow(AGGREGATE, month)
            seconds = time.monotonic() - began
        return seconds
    finally:
        await connection.close()


def _close(stage: Stage, keys: KeyServer, database: str, month: str) -> Closed:
    """Let two people agree to close a month, and the worker's task close it."""
    closed = Closed()
    with stage.run("payment", database=database, variables=keys.variables):
        url = stage.services["payment"].url
        with httpx.Client(base_url=url, timeout=MOST_S, trust_env=False) as client:
            closed.listed_ms = _list_months(client, _officer(keys))
            before = read_resident_mb(os.getpid())
            began = time.monotonic()
            _agree(client, keys, month)
            closed.agreed_s = time.monotonic() - began
            began = time.monotonic()
            asyncio.run(_work(stage.url(database), stage, closed.steps))
            closed.seconds = time.monotonic() - began
            closed.grown_mb = read_resident_mb(os.getpid()) - before
            closed.verified_s = asyncio.run(_verify(stage.url(database), month))
            path = f"/v1/commission-months/{month}/closing"
            status = client.get(path, headers=_officer(keys)).json().get("status")
    if status != "done":
        raise BenchError(f"the closing of {month} is {status}")
    return closed


async def _work(url: str, stage: Stage, steps: list[float]) -> None:
    """Close what is confirmed, under the lease of the task."""
    database = Database(url, keyring=stage.keyring("payment"))
    task = Periodic("closings.run", 10, TimedCloser(steps).run)
    try:
        while await task.run_once(database) is Turn.PARTIAL:
            pass
    finally:
        await database.dispose()


async def _verify(url: str, month: str) -> float:
    """Return the seconds of the verification of a month."""
    database = Database(url)
    try:
        began = time.monotonic()
        made = await verifications.verify(database, Month.parse(month))
        seconds = time.monotonic() - began
    finally:
        await database.dispose()
    if made.difference_count:
        raise BenchError(f"{made.difference_count} differences in {month}: {made.differences[:3]}")
    return seconds


def _officer(keys: KeyServer) -> dict[str, str]:
    scope = {"kind": ScopeKind.COUNTRY}
    return keys.tokens.make(Role.FINANCE_OFFICER, scope=scope, life_s=3_600, account_id=new_id())


def _agree(client: httpx.Client, keys: KeyServer, month: str) -> None:
    path = f"/v1/commission-months/{month}/closing"
    for address, body in ((path, None), (f"{path}/decision", {"verdict": "confirmed"})):
        headers = {**_officer(keys), "Idempotency-Key": str(new_id())}
        answer = client.post(address, json=body, headers=headers)
        if answer.status_code not in (200, 201):
            raise BenchError(f"closing {month}: {answer.status_code} {answer.text[:200]}")


def _list_months(client: httpx.Client, officer: dict[str, str]) -> float:
    """Return the median milliseconds of the list of months."""
    listed = []
    for _ in range(5):
        began = time.monotonic()
        answer = client.get("/v1/commission-months", headers=officer)
        listed.append(1_000 * (time.monotonic() - began))
        if answer.status_code != 200:
            raise BenchError(f"the list of months was answered {answer.status_code}")
    return sorted(listed)[len(listed) // 2]
