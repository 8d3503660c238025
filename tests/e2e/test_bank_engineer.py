"""An engineer of the sandbox's bank copies the samples of the guide into a shell, and they work."""

import json
import os
import shutil
import subprocess
from typing import Any

import httpx
import pytest
from stage.processes import Platform

from sandbox.demo.clients import Actor

pytestmark = pytest.mark.e2e
TOOLS = ("bash", "curl", "openssl", "base64")


async def sign_in(http: httpx.AsyncClient, described: dict[str, Any]) -> Actor:
    engineer = Actor(http, device_id="stage-engineer")
    await engineer.sign_in_with_password("bank1", described["sign_ins"]["bank1"]["password"])
    return engineer


def run(command: str, variables: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **variables},
        capture_output=True,
        timeout=30,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def test_samples_work_as_they_are_copied_and_the_log_shows_them(platform: Platform) -> None:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"the samples need {tool}, which is not installed")
    described = json.loads((platform.folder / "sandbox.json").read_text())
    bank = described["bank_partners"][0]
    path = f"/v1/bank-partners/{bank['partner_id']}"
    variables = {
        "GATEWAY": platform.address("gateway"),
        "PRIVATE_KEY_FILE": bank["private_key_file"],
        "CLIENT_SECRET": bank["client_secret"],
    }

    async with platform.http("gateway") as http:
        engineer = await sign_in(http, described)
        token, *others = (await engineer.get(f"{path}/integration-guide"))["samples"]
        answers = [run(token["command"], variables)]
        variables["TOKEN"] = answers[0]["accessToken"]
        answers += [run(each["command"], variables) for each in others]
        wrong = run(others[0]["command"], {**variables, "CLIENT_SECRET": "not this one"})
        log = (await engineer.get(f"{path}/requests", limit=3))["items"]

    assert [each["responseCode"] for each in answers] == [
        each["response_code"] for each in (token, *others)
    ]
    assert wrong["responseCode"] == "4012400"
    assert [(each["service"], each["failed_check"]) for each in log] == [
        ("24", "signature"),
        ("25", None),
        ("24", None),
    ]
