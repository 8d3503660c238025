"""Run schemathesis against the platform, with the published document as its only source.

With the token of every role and without a token, no answer may be 500 or more, differ from the
document in status, header, media type or field, or bypass authentication. `make soak` sends one
request to each operation that reads, and then many to every operation, with boundary values and in
sequences that follow ids of answers, different ones each time. SOAK_EXAMPLES sets their number.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from stage.processes import Platform

from sandbox.demo.clients import Actor
from sandbox.seed import BRANCH_SCOPE, COUNTRY_SCOPE

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
ENDS_S = 1800
FEW = 1
MANY = int(os.environ.get("SOAK_EXAMPLES", "100"))
ANONYMOUS = {"nobody": ""}
STAFF: dict[str, Mapping[str, str]] = {
    "admin": COUNTRY_SCOPE,
    "auditor": COUNTRY_SCOPE,
    "finance_officer": COUNTRY_SCOPE,
    "branch_officer": BRANCH_SCOPE,
}
PHONE_ROLES = ("member", "agent")
ALL_METHODS = {"get", "post", "put", "patch", "delete"}
ALL_ROLES = (*STAFF, "wadah_admin", *PHONE_ROLES, *ANONYMOUS)
LONG_TOKENS = {"PERISAI_GATEWAY_ACCESS_TOKEN_S": "86400"}
LOCKING_OUT = (
    "accounts.lock",
    "accounts.set_roles",
    "accounts.reset_password",
    "me.revoke_session",
)
"""Excluded from sequences: applied to the run's own account or session they would end it."""


@pytest.fixture(scope="module")
async def signed_in(platform: Platform) -> dict[str, str]:
    """Sign in once for every role of a user account."""
    return await sign_in(platform)


async def sign_in(platform: Platform) -> dict[str, str]:
    """Return an access token per role; most staff accounts are created for this run."""
    found: dict[str, str] = {}
    async with platform.staff("admin") as admin, platform.http("gateway") as http:
        for role, scope in STAFF.items():
            found[role] = await _new_staff(admin, http, role, scope)
        wadah = Actor(http, device_id="stage-outside")
        await wadah.sign_in_with_password("wadah1", platform.password("wadah1"))
        found["wadah_admin"] = wadah.access_token
        for name in PHONE_ROLES:
            person = Actor(http, device_id="stage-outside")
            await person.sign_in_by_phone(platform.described["sign_ins"][name]["phone"])
            found[name] = person.access_token
    return found


async def _new_staff(
    admin: Actor, http: httpx.AsyncClient, role: str, scope: Mapping[str, str]
) -> str:
    username, password = f"outside-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    new = {"username": username, "password": password, "display_label": "Outside judge"}
    more = {"roles": [role], "scope": scope, "reason": "An account for this run only."}
    await admin.post("/v1/accounts", {**new, **more})
    actor = Actor(http, device_id="stage-outside")
    await actor.sign_in_with_password(username, password)
    return actor.access_token


def judge(
    platform: Platform,
    tokens: Mapping[str, str],
    report: Path,
    *arguments: str,
    left_out: Sequence[str] = (),
) -> dict[str, Any]:
    """Run schemathesis with these tokens and return its report."""
    gateway = platform.address("gateway")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"]
    command += ["run", f"{gateway}/openapi.json", "--url", gateway, "--warnings", "off"]
    command += ["--no-color", "--report", "json", "--report-json-path", str(report), *arguments]
    for name in left_out:
        command += ["--exclude-operation-id", name]
    command += ["--exclude-path-regex", "^/(snap|openapi)/v1"]
    variables = {
        "PERISAI_TOKENS": json.dumps(tokens),
        "SCHEMATHESIS_HOOKS": "tried_as",
        "PYTHONPATH": ".",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    reported: dict[str, Any] = json.loads(report.read_text())
    return reported


async def still_signed_in(platform: Platform, tokens: Mapping[str, str]) -> bool:
    """Return whether all tokens are still valid; otherwise the run tested little."""
    async with platform.http("gateway") as http:
        answers = [
            await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
            for token in tokens.values()
        ]
    return all(answer.status_code == 200 for answer in answers)


@pytest.mark.soak
async def test_what_reads_gives_every_role_and_nobody_documented_answers(
    platform: Platform, signed_in: dict[str, str], tmp_path: Path
) -> None:
    document = await published(platform)
    asking = {**signed_in, **ANONYMOUS}
    assert set(asking) == set(ALL_ROLES)

    reported = judge(
        platform,
        asking,
        tmp_path / "report.json",
        *("--phases", "fuzzing", "--max-examples", str(FEW), "--generation-deterministic"),
        *("--include-method", "GET"),
    )

    reading = {each["operationId"] for each in operations(document, methods={"get"})}
    assert reported["operations"]["tested"] == len(reading)
    assert reported["phases"]["fuzzing"]["status"] == "success"
    assert await still_signed_in(platform, signed_in)


@pytest.fixture(scope="module")
def own_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One that only this file uses, with tokens that outlive a long run."""
    started = Platform(tmp_path_factory.mktemp("judged"), LONG_TOKENS)
    try:
        started.start()
        yield started
    finally:
        started.end()


@pytest.mark.soak
@pytest.mark.parametrize("who", ALL_ROLES)
@pytest.mark.parametrize("phase", ["coverage", "fuzzing", "stateful"])
async def test_many_requests_and_sequences_get_documented_answers(
    own_platform: Platform, tmp_path: Path, who: str, phase: str
) -> None:
    token = {**await sign_in(own_platform), **ANONYMOUS}[who]

    reported = judge(
        own_platform,
        {who: token},
        tmp_path / "report.json",
        *("--phases", phase, "--max-examples", str(MANY)),
        left_out=LOCKING_OUT if phase == "stateful" else (),
    )

    assert reported["phases"][phase]["status"] == "success"
    assert not token or await still_signed_in(own_platform, {who: token})


async def test_no_operation_hides_its_refusals_behind_a_range(platform: Platform) -> None:
    for operation in operations(await published(platform)):
        statuses = set(operation["responses"])
        assert all(status.isdigit() for status in statuses), operation["operationId"]
        if operation["security"]:
            assert {"401", "403", "429"} <= statuses, operation["operationId"]


async def published(platform: Platform) -> dict[str, Any]:
    async with platform.http("gateway") as http:
        document: dict[str, Any] = (await http.get("/openapi.json")).json()
    return document


def operations(
    document: dict[str, Any], methods: Container[str] = ALL_METHODS
) -> Iterator[dict[str, Any]]:
    """Yield what is tested here: all but the operations of banks."""
    for item in document["paths"].values():
        for method, operation in item.items():
            if method in methods and not operation["operationId"].startswith("snap"):
                yield operation
