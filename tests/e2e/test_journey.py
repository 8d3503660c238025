"""The whole journey, what it leaves in the books, and what it must leave nowhere."""

import json
from dataclasses import dataclass

import pytest
from stage import books, leaks
from stage.customers import AT
from stage.leaks import Watched
from stage.processes import DATABASES, Platform
from stage.waiting import until
from stage.wrong import send_what_is_refused

from sandbox.demo.run import run_demo

pytestmark = pytest.mark.e2e
PATIENCE_S = 120.0
"""A busy machine is no failure: how soon coverage follows is for the bench."""
RUNNER_SAYS = ("ended (exit code ", "is ready after ")
"""How lines begin that the runner itself adds to a process's own."""

TO_GO_ON = "     to go on with: "


@dataclass
class Journey:
    """What the demo said, and what was seen on the way."""

    code: int
    lines: list[str]
    watched: Watched


@pytest.fixture(scope="module")
async def journey(platform: Platform) -> Journey:
    watched = Watched()
    watched.add_vault(platform.folder)
    lines: list[str] = []
    code = await run_demo(platform.folder, lines.append, watch=watched, wait_s=PATIENCE_S)
    with platform.business_time(AT):
        await send_what_is_refused(platform, watched)
    return Journey(code, lines, watched)


async def test_every_check_of_the_demo_holds(journey: Journey) -> None:
    failed = [line for line in journey.lines if not line.startswith(("ok ", "--- ", TO_GO_ON))]

    assert failed == ["every check held"]
    assert journey.code == 0


async def test_demo_says_what_to_go_on_with(journey: Journey) -> None:
    said = [line.removeprefix(TO_GO_ON) for line in journey.lines if line.startswith(TO_GO_ON)]

    assert [line.partition(": ")[0] for line in said] == 2 * [
        "the agent's telephone",
        "the wadah",
        "a member who paid",
        "a member who did not pay",
        "the bill of that one, as a virtual account",
    ]
    assert all(line.partition(": ")[2] for line in said)


async def test_an_agent_is_asked_for_what_their_wadah_was_paid(journey: Journey) -> None:
    steps = ("the agent has a notice of", "who has not answered", "the agent confirms the receipt")

    said = [step for line in journey.lines for step in steps if step in line]

    assert said == list(steps)


async def test_books_hold_and_every_event_was_read(platform: Platform, journey: Journey) -> None:
    assert await books.caught_up(platform)

    assert await books.faults(platform) == []


async def test_nothing_personal_and_no_secret_is_left_behind(
    platform: Platform, journey: Journey
) -> None:
    places = await leaks.collect_places(platform)
    places["problems"] = "\n".join(journey.watched.problems)
    kinds = {kind for kind, values in journey.watched.secrets.items() if values}

    assert leaks.SENT | leaks.RECEIVED | {"code", "bank token"} <= kinds
    assert leaks.find(places, journey.watched.secrets) == []


async def test_search_finds_what_is_known_to_be_there(platform: Platform, journey: Journey) -> None:
    async with platform.http("gateway") as http:
        canary = (await http.get("/v1/branches")).headers["x-request-id"]

    async def is_logged() -> bool:
        return canary in (platform.logs / "gateway.log").read_text()

    assert await until(is_logged)  # a line reaches its file after the answer
    places = await leaks.collect_places(platform)
    event_id = places["table events of member"].splitlines()[0][1:37]
    known = {
        "request id": [canary],
        "route": ["/v1/members/{member_id}"],
        "event": [event_id],
        "code": ["2002500"],
    }

    found = leaks.find(places, known)

    assert "1 of request id in log of gateway" in found
    assert "1 of route in metrics of member" in found
    assert "1 of event in table events of member" in found
    assert "1 of code in log of the bank's calls" in found


async def test_every_process_was_listened_to(platform: Platform, journey: Journey) -> None:
    places = await leaks.collect_places(platform)

    assert all('"http.answered"' in places[f"log of {name}"] for name in DATABASES)
    assert "database system is ready" in places["log of postgres"]


async def test_every_line_of_a_service_is_json_and_names_the_service(
    platform: Platform, journey: Journey
) -> None:
    for name in DATABASES:
        lines = (platform.logs / f"{name}.log").read_text().splitlines()
        spoken = [json.loads(line) for line in lines if not line.startswith(RUNNER_SAYS)]

        service = "gateway" if name == "gateway" else f"{name}-service"
        assert {each["service"] for each in spoken} == {service}
        assert all(each["event"] and each["level"] and each["timestamp"] for each in spoken)


async def test_what_was_refused_was_seen(journey: Journey) -> None:
    statuses = {json.loads(problem)["status"] for problem in journey.watched.problems}
    assert statuses >= {400, 401, 404, 409, 422}
