"""Measure enrolled rows per second in batches, beside the same rows one by one."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any

from bench.client import Tally, send
from bench.gateway import Gateway, run_gateway, sign_in
from bench.options import Options
from bench.results import BenchError, Result, Round, build_result
from bench.stage import Stage
from member_service.enrolments.rules import MAX_ROWS
from perisai_kit.domain import clock
from sandbox.demo.people import Person, member_body, new_adult
from sandbox.ports import HOST
from sandbox.seed import BRANCH, SIGN_INS

CONNECTIONS = 8
"""Clients that send at the same time, in both runs."""
WARM_UP_ROWS = 50
MOST_S = 900.0


def measure(stage: Stage, options: Options) -> Result:
    """Measure `batch_enrolment`."""
    stage.migrate("member", "agent")
    rounds = []
    with run_gateway(stage) as gateway:
        _open_branch(stage, gateway)
        for _ in range(options.rounds):
            rows = build_forms(options.enrolled + WARM_UP_ROWS)
            rates = [_enrol(stage, gateway, rows, size=size) for size in (MAX_ROWS, 1)]
            rounds.append(Round(*rates))
    how = (
        f"{options.enrolled:,} workers, {CONNECTIONS} connections of a Python client,"
        " member-service in 1 process, without the gateway between; batches of"
        f" {MAX_ROWS}; yardstick: the same rows, one in each request"
    )
    return build_result("batch_enrolment", rounds, how)


def _open_branch(stage: Stage, gateway: Gateway) -> None:
    """Open the branch of the officer, and create the officer while agent-service runs."""
    with stage.run("agent", database="agent"):
        gateway.make("/v1/branches", BRANCH, token=sign_in(stage, gateway, SIGN_INS[0].username))
        sign_in(stage, gateway, "officer1")


def build_forms(count: int) -> list[dict[str, Any]]:
    """Return enrolment forms of workers with distinct NIKs."""
    found: dict[str, Person] = {}
    while len(found) < count:
        person = new_adult(clock.today())
        found[person.nik] = person
    at = clock.now()
    return [member_body(person, at=at) for person in found.values()]


def _enrol(stage: Stage, gateway: Gateway, rows: Sequence[dict[str, Any]], *, size: int) -> float:
    """Return the rows per second into an empty database, `size` per request."""
    database = stage.copy("member")
    with stage.run("member", database=database):
        port = stage.services["member"].port
        token = sign_in(stage, gateway, "officer1")
        _send(port, token, rows[:WARM_UP_ROWS], size)
        seconds = _send(port, token, rows[WARM_UP_ROWS:], size)
    enrolled = stage.count(database, "SELECT count(*) FROM members")
    if enrolled != len(rows):
        raise BenchError(f"{len(rows)} workers were sent, {enrolled} are members")
    stage.drop(database)
    return (len(rows) - WARM_UP_ROWS) / seconds


def _send(port: int, token: str, rows: Sequence[dict[str, Any]], size: int) -> float:
    tally = Tally(b'"', status=201 if size == 1 else 207)
    requests = [build_request(token, part) for part in _split(rows, size)]
    asyncio.run(send(port, iter(requests), tally, connections=CONNECTIONS, seconds=MOST_S))
    tally.check()
    return tally.seconds


def _split(rows: Sequence[dict[str, Any]], size: int) -> list[Sequence[dict[str, Any]]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def build_request(token: str, rows: Sequence[dict[str, Any]]) -> bytes:
    """Return the raw request that enrols one worker, or several as a batch."""
    if len(rows) == 1:
        path, content = "/v1/members", rows[0]
    else:
        path, content = "/v1/enrolment-batches", {"batch_id": str(uuid.uuid4()), "rows": [*rows]}
    body = json.dumps(content).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: Bearer {token}",
        f"Idempotency-Key: {uuid.uuid4()}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
