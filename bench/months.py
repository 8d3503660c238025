"""Measure the closing of a month by the product's own route, beside the bare aggregate."""

import asyncio
import time

import asyncpg
import httpx

from bench.keys import KeyServer, serve_keys
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id

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


def close_months(stage: Stage, options: Options) -> Result:
    """Measure `month_close`. stage: with a world."""
    rounds: list[Round] = []
    size = listed_ms = 0.0
    with serve_keys() as keys:
        for _ in range(options.rounds):
            database = stage.copy("payment")
            url = stage.url(database, "owner")
            month, size = asyncio.run(_find_month(url))
            beside = asyncio.run(_aggregate(url, month))
            with stage.run("payment", database=database, variables=keys.variables):
                seconds, listed_ms = _close(stage.services["payment"].url, keys, month)
            rounds.append(Round(seconds, beside))
            stage.drop(database)
    how = (
        f"month with {size:,.0f} settled contribution months of {options.world:,} members, closed"
        " by POST /v1/commission-months/{month}/closing, payment-service in 1 process, workers off,"
        " fsync on; yardstick: the sums by beneficiary and rule over the same lines, the second of"
        f" two runs; the list of months answers in {listed_ms:.0f} ms"
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


def _close(url: str, keys: KeyServer, month: str) -> tuple[float, float]:
    """Close a month; return the seconds, and the milliseconds of the list of months before."""
    scope = {"kind": ScopeKind.COUNTRY}
    officer = keys.tokens.make(Role.FINANCE_OFFICER, scope=scope, life_s=3_600)
    with httpx.Client(base_url=url, headers=officer, timeout=MOST_S, trust_env=False) as client:
        listed = []
        for _ in range(5):
            began = time.monotonic()
            answer = client.get("/v1/commission-months")
            listed.append(1_000 * (time.monotonic() - began))
            if answer.status_code != 200:
                raise BenchError(f"the list of months was answered {answer.status_code}")
        began = time.monotonic()
        answer = client.post(
            f"/v1/commission-months/{month}/closing", headers={"Idempotency-Key": str(new_id())}
        )
        seconds = time.monotonic() - began
    if answer.status_code != 200:
        raise BenchError(f"closing {month} was answered {answer.status_code}: {answer.text[:200]}")
    return seconds, sorted(listed)[len(listed) // 2]
