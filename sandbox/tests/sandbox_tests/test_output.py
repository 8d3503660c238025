"""What a run prints of its processes' lines, and what it keeps of them."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.lifetime import wait_until
from sandbox.log_files import MAX_BYTES, LogFiles, find_lines
from sandbox.output import EXPECTED, REMIND_EVERY_S, SILENT_S, Output, Phase, wants_json

REQUEST_ID = "01930f2a-0000-7000-8000-00000badcafe"


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Said:
    """A run's output over a folder of its own."""

    def __init__(self, folder: Path, *, phase: Phase, as_json: bool = False) -> None:
        self.folder = folder
        self.printed: list[str] = []
        self.files = LogFiles(folder)
        self.time = Time()
        self.output = Output(
            self.files, write=self.printed.append, as_json=as_json, get_time=self.time
        )
        self.output.phase = phase

    def kept(self, name: str) -> list[str]:
        return (self.folder / "logs" / f"{name}.log").read_text().splitlines()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Said]:
    said = Said(tmp_path, phase=Phase.SERVING)
    with said.files:
        yield said


def request(route: str = "/v1/bills", *, status: int = 200, at: str = "09:00:00") -> str:
    return json.dumps(
        {
            "method": "POST",
            "route": route,
            "status": status,
            "duration_ms": 34.4,
            "event": "http.forwarded",
            "service": "gateway",
            "request_id": REQUEST_ID,
            "level": "info",
            "timestamp": f"2026-11-28T{at}+00:00",
        }
    )


def event(name: str, level: str, **fields: object) -> str:
    return json.dumps({"event": name, "level": level, "service": "member", **fields})


def test_a_request_is_one_short_line_and_the_whole_line_is_kept(serving: Said) -> None:
    line = request()

    serving.output("gateway", line)

    assert serving.printed == ["200 POST /v1/bills 34 ms req_0badcafe"]
    assert serving.kept("gateway") == [line]


def test_a_request_is_not_shown_again_by_the_service_that_answers_it(serving: Said) -> None:
    serving.output("payment", request())

    assert serving.printed == []
    assert len(serving.kept("payment")) == 1


def test_a_failure_of_a_service_is_shown_with_its_name(serving: Said) -> None:
    serving.output("payment", request(status=500))

    assert serving.printed == ["\x1b[31m500 POST /v1/bills 34 ms req_0badcafe (payment)\x1b[0m"]


@pytest.mark.parametrize("route", ["/feed", "/health", "/ready", "/metrics"])
def test_polls_are_kept_and_not_shown(serving: Said, route: str) -> None:
    serving.output("gateway", request(route))

    assert serving.printed == []
    assert len(serving.kept("gateway")) == 1


def test_warnings_are_yellow_and_say_all_their_fields(serving: Said) -> None:
    serving.output("member", event("subscription.interrupted", "warning", failures=2, error="X"))

    assert serving.printed == [
        "\x1b[33mmember   warning subscription.interrupted failures=2 error=X\x1b[0m"
    ]


def test_an_error_says_what_was_raised_and_where(serving: Said) -> None:
    causes = [{"type": "KeyError", "frames": ["a.py:1 outer", "b.py:2 inner"]}]

    serving.output("member", event("task.crashed", "error", task="grace", exception=causes))

    assert serving.printed == [
        "\x1b[31mmember   error task.crashed task=grace KeyError at b.py:2 inner\x1b[0m"
    ]


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.STOPPING])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_expected_reconnects_are_no_warnings_while_others_start_or_stop(
    tmp_path: Path, phase: Phase, name: str
) -> None:
    said = Said(tmp_path, phase=phase)

    said.output("member", event(name, "warning"))
    said.output("member", event("task.crashed", "error"))

    assert [line for line in said.printed if name in line] == []
    assert len(said.printed) == 1
    assert len(said.kept("member")) == 2


def test_text_that_is_no_json_is_shown_and_kept_as_json(serving: Said) -> None:
    serving.output("agent", "Traceback (most recent call last):")

    assert serving.printed == ["agent    Traceback (most recent call last):"]
    assert json.loads(serving.kept("agent")[0])["text"] == "Traceback (most recent call last):"


def test_machines_get_every_line_as_json(tmp_path: Path) -> None:
    said = Said(tmp_path, phase=Phase.STARTING, as_json=True)

    said.output("gateway", request("/feed"))
    said.output("agent", "is ready after 1.0 s")
    said.output.show_box(iter(["", "Perisai is ready."]))

    assert [json.loads(line)["service"] for line in said.printed] == ["gateway", "agent", "sandbox"]


def test_the_form_of_the_log_is_short_or_json_and_nothing_else() -> None:
    assert not wants_json({})
    assert not wants_json({"PERISAI_LOG": "short"})
    assert wants_json({"PERISAI_LOG": "json"})
    with pytest.raises(SandboxError, match="PERISAI_LOG is 'xml'; it may be short or json"):
        wants_json({"PERISAI_LOG": "xml"})


def test_a_request_is_found_in_all_logs_in_the_order_of_time(serving: Said, tmp_path: Path) -> None:
    first, last = request(at="09:00:00"), request(at="09:00:02")
    serving.output("gateway", last)
    serving.output("payment", first)
    serving.output("payment", event("bill.issued", "info", timestamp="2026-11-28T09:00:01Z"))

    assert list(find_lines(tmp_path, service=None, request="req_0badcafe")) == [first, last]
    assert list(find_lines(tmp_path, service="payment", request=REQUEST_ID)) == [first]
    assert len(list(find_lines(tmp_path, service="payment", request=None))) == 2


@pytest.mark.parametrize("name", ["nobody", "../secrets"])
def test_a_log_that_is_not_there_is_said(serving: Said, tmp_path: Path, name: str) -> None:
    serving.output("gateway", request())

    with pytest.raises(SandboxError, match=f"There is no log of {name}"):
        find_lines(tmp_path, service=name, request=None)


def test_a_long_file_gives_way_when_the_next_run_begins(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    with (folder / "gateway.log").open("wb") as long:
        long.truncate(MAX_BYTES + 1)

    with LogFiles(tmp_path) as files:
        files.write("gateway", request())

    assert (folder / "gateway.log").read_text() == f"{request()}\n"
    assert (folder / "gateway.log.old").stat().st_size == MAX_BYTES + 1


def test_a_log_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    said = Said(tmp_path, phase=Phase.SERVING)

    said.output("gateway", request())
    said.output("gateway", request())

    assert said.printed[0].startswith("sandbox  the logs cannot be written: ")
    assert said.printed[1:] == ["200 POST /v1/bills 34 ms req_0badcafe"] * 2


def test_a_start_that_is_silent_says_what_it_is_at_and_how_long(tmp_path: Path) -> None:
    said = Said(tmp_path, phase=Phase.STARTING)
    with said.files:
        said.output("sandbox", "migrating the databases")
        for _ in range(20):
            said.time.now += REMIND_EVERY_S
            said.output.remind()
        said.output("gateway", "is ready after 9.0 s")
        said.output.remind()

    assert said.printed == [
        "sandbox  migrating the databases",
        "sandbox  migrating the databases: 4 s",
        "sandbox  migrating the databases: 7 s",
        "gateway  is ready after 9.0 s",
    ]
    assert SILENT_S + REMIND_EVERY_S < 5


def test_nothing_wakes_to_remind_of_a_platform_that_serves(tmp_path: Path) -> None:
    said = Said(tmp_path, phase=Phase.STARTING)
    before = set(threading.enumerate())
    with said.files, said.output.reminding():
        (reminding,) = set(threading.enumerate()) - before
        said.output.phase = Phase.SERVING

        assert wait_until(lambda: not reminding.is_alive(), timeout_s=30)


@pytest.mark.parametrize(
    ("phase", "as_json"), [(Phase.SERVING, False), (Phase.STOPPING, False), (Phase.STARTING, True)]
)
def test_nobody_is_reminded_of_a_platform_that_serves_or_by_a_machine(
    tmp_path: Path, phase: Phase, as_json: bool
) -> None:
    said = Said(tmp_path, phase=phase, as_json=as_json)
    with said.files:
        said.time.now += 60
        said.output.remind()

    assert said.printed == []
