"""The doctor names each fault with what to do about it."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perisai_kit.domain import clock
from sandbox import doctor
from sandbox.doctor import Finding
from sandbox.environment import CLOCK_FILE
from sandbox.ports import free_port
from sandbox.postgres import FREE_BYTES, Postgres
from sandbox.services import load_services

SERVICES = load_services({})
ADDRESSES = {each.name: each.url for each in SERVICES}
DESCRIBED = {"addresses": ADDRESSES, "inner_addresses": ADDRESSES}


def always(answer: Any) -> Callable[[str], Any]:
    return lambda url: answer


def faults(found: list[Finding]) -> list[str]:
    return [each.line for each in found if not each.is_well]


def test_a_full_disk_is_a_fault(tmp_path: Path) -> None:
    assert doctor.examine_disk(tmp_path, free_bytes=FREE_BYTES).is_well
    assert doctor.examine_disk(tmp_path, free_bytes=FREE_BYTES - 1).line == (
        f"FAULT disk: 255 MB free for {tmp_path}; make room"
    )


def test_a_moved_clock_is_said_and_is_no_fault(tmp_path: Path) -> None:
    clock.set_test_clock(
        tmp_path / CLOCK_FILE, clock.real_now().replace(year=2025, month=11, day=3)
    )
    try:
        found = doctor.examine_clock(tmp_path)
    finally:
        clock.set_test_clock(tmp_path / CLOCK_FILE, None)
        clock.follow_test_clock(tmp_path / CLOCK_FILE, sandbox=True)

    assert found.is_well
    assert found.says.startswith("2025-11-0")
    assert "perisai clock reset" in found.says


def test_a_taken_port_names_the_variable_that_chooses_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        services = [replace(SERVICES[1], port=port), replace(SERVICES[2], port=free_port())]

        found = list(doctor.examine_ports(services))

    assert faults(found) == [
        f"FAULT port {port}: is taken; "
        "stop what uses it, or choose another one with PERISAI_AGENT_PORT"
    ]
    assert len(found) == 2


def test_a_process_says_what_it_lacks(tmp_path: Path) -> None:
    ready = {"database": True, "migrations": True, "keys": False}

    found = list(doctor.examine_processes(tmp_path, DESCRIBED, SERVICES[1:2], ask=always(ready)))

    assert faults(found) == [f"FAULT agent: lacks its keys; look into {tmp_path}/logs/agent.log"]


def test_a_process_that_does_not_answer_is_a_fault(tmp_path: Path) -> None:
    found = list(doctor.examine_processes(tmp_path, DESCRIBED, SERVICES, ask=always(None)))

    assert len(faults(found)) == len(SERVICES)
    assert all("does not answer at http://127.0.0.1:" in line for line in faults(found))


async def test_a_database_that_answers_is_well_and_one_that_is_away_is_a_fault(
    postgres: Postgres,
) -> None:
    postgres.ensure_database("doctored")
    away = f"postgresql://app:x@127.0.0.1:{free_port()}/away"

    described = {"databases": {"here": {"app": postgres.url("doctored")}, "away": {"app": away}}}
    found = await doctor.examine_databases(described)

    assert [each.is_well for each in found] == [True, False]
    assert found[1].line.startswith("FAULT database away: does not answer (")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"lag_s": 2.0, "parked": 0}, "ok    subscription a.b: had read everything 2 s ago"),
        ({"lag_s": 61.0, "parked": 0}, "FAULT subscription a.b: is 61 s behind; look into "),
        ({"lag_s": None, "parked": 0}, "FAULT subscription a.b: has never read everything; "),
        ({"lag_s": 2.0, "parked": 3}, "FAULT subscription a.b: 3 events are parked; see GET /v1/"),
    ],
)
def test_a_subscription_that_lags_or_has_parked_events_is_a_fault(
    tmp_path: Path, status: dict[str, Any], said: str
) -> None:
    answer = {"subscriptions": [{"name": "a.b", **status}]}

    found = list(
        doctor.examine_subscriptions(tmp_path, DESCRIBED, SERVICES[1:2], ask=always(answer))
    )

    assert [each.line[: len(said)] for each in found] == [said]


def test_a_sandbox_that_was_killed_is_examined_all_the_same(tmp_path: Path) -> None:
    away = {each.name: f"http://127.0.0.1:{free_port()}" for each in SERVICES}
    described = {"addresses": away, "sign_ins": {"admin": {"password": "x"}}}
    (tmp_path / "sandbox.json").write_text(json.dumps(described))

    found = doctor.examine(tmp_path, SERVICES)

    assert {each.what for each in found if not each.is_well} == {*away, "sign-in"}


def test_a_sandbox_that_does_not_run_is_a_fault_with_the_command_to_start_it(
    tmp_path: Path,
) -> None:
    services = [each.on_free_ports() for each in SERVICES]

    found = doctor.examine(tmp_path, services)

    assert faults(found) == ["FAULT sandbox: does not run; start it with `make run`"]
