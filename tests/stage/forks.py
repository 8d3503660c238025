"""`pytest -n 3`: run the tests in processes that are forks of one, which has collected them all.

Collecting imports every package and every test, which takes ten seconds of processor time, and
twenty where nothing is compiled yet. Here it is done once, and not once a process.

The tests of a file run in one process, and so do all that share the platform, the database that
takes seconds to fill, or what was parsed of all modules. A process takes the next file when it has
finished one, and sends its reports over a pipe.
"""

import gc
import os
import random
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest
from stage.processes import ON_THE_PLATFORM

from sandbox import lifetime

FORKS = get_context("fork")
FILLED = "filled_urls"
"""A fixture of the whole run that takes seconds: once is enough."""
PARSING = "tests/architecture/"
Group = list[int]
"""Indexes of tests that run in one process, in their order."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("processes", "several processes")
    group._addoption(  # addoption keeps lower-case letters for pytest; this one is widely known
        "-n",
        dest="processes",
        type=_parse_count,
        default=0,
        metavar="COUNT",
        help="run the tests in this many processes; auto: two more than there are cores, up to 6",
    )


def _parse_count(text: str) -> int:
    # Two more than there are cores, because many tests wait for time-outs and other processes.
    return min((os.cpu_count() or 1) + 2, 6) if text == "auto" else int(text)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Take the place of pytest's own loop where processes are asked for."""
    options = session.config.option
    if not options.processes or options.collectonly or session.testsfailed:
        return None
    groups = _group(session.items)
    gc.freeze()  # what they share stays, and none of them looks through it
    with _started(session, min(options.processes, len(groups))) as running:
        _attend(session, running, deque(groups))
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True


def _group(items: Sequence[pytest.Item]) -> list[Group]:
    """Return the groups; the platform's, which takes longest, first."""
    groups: dict[str, Group] = {"the platform": []}
    for index, item in enumerate(items):
        name = item.nodeid.partition("::")[0]
        if name.startswith(ON_THE_PLATFORM):
            name = "the platform"
        elif name.startswith(PARSING):
            name = PARSING
        elif FILLED in getattr(item, "fixturenames", ()):
            name = FILLED
        groups.setdefault(name, []).append(index)
    return [group for group in groups.values() if group]


@dataclass
class Running:
    """A process that runs tests, and what it said last."""

    process: ForkProcess
    pipe: Connection
    last_report: str = "none"


@contextmanager
def _started(session: pytest.Session, count: int) -> Iterator[list[Running]]:
    """Fork; at the end wait until the processes have stopped what their fixtures started.

    A process whose pipe is closed stops after its test.
    """
    running: list[Running] = []
    base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # as xdist
    try:
        for number in range(count):
            ours, theirs = FORKS.Pipe()
            worker = Worker(session, theirs, base / f"process-{number}")
            not_its_own = [ours, *(each.pipe for each in running)]
            process = FORKS.Process(target=worker.run, args=[not_its_own])
            process.start()
            theirs.close()
            running.append(Running(process, ours))
        yield running
    finally:
        for each in running:
            each.pipe.close()
        for each in running:
            each.process.join()


def _attend(session: pytest.Session, running: Sequence[Running], groups: deque[Group]) -> None:
    """Hand out the groups and pass reports on, until nothing is left to do or the run must stop.

    Every second process begins with the last groups: those of the kit wait more than they work.
    """
    left: dict[Any, Running] = {each.pipe: each for each in running}
    take: dict[Any, Callable[[], Group]] = {
        each.pipe: groups.pop if number % 2 else groups.popleft
        for number, each in enumerate(running)
    }
    while left and not (session.shouldfail or session.shouldstop):
        for pipe in wait(list(left)):
            each = left[pipe]
            try:
                kind, content = each.pipe.recv()
            except EOFError:
                _say_goodbye(session, left.pop(pipe))
                continue
            if kind == "free":
                each.pipe.send(take[pipe]() if groups else None)
            elif kind == "report":
                each.last_report = content["nodeid"]
                _pass_on(session.config, content)
            else:
                _warn(session.config, *content)


def _say_goodbye(session: pytest.Session, ended: Running) -> None:
    ended.process.join()
    if code := ended.process.exitcode:
        session.shouldfail = f"a process ended with {code}; its last report: {ended.last_report}"


def _pass_on(config: pytest.Config, content: dict[str, Any]) -> None:
    report = config.hook.pytest_report_from_serializable(config=config, data=content)
    config.hook.pytest_runtest_logreport(report=report)


def _warn(config: pytest.Config, warned: dict[str, Any], rest: dict[str, Any]) -> None:
    message = warnings.WarningMessage(**warned)
    config.hook.pytest_warning_recorded.call_historic(
        kwargs={"warning_message": message, **rest},
    )


class Worker:
    """One process, also as a plugin of pytest that sends what the others report."""

    def __init__(self, session: pytest.Session, pipe: Connection, temporary: Path) -> None:
        self._session = session
        self._config = session.config
        self._pipe = pipe
        self._temporary = temporary
        self._capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        self._has_begun = False
        self._die_with_parent = lifetime.die_with_parent(signal.SIGINT)

    def run(self, not_its_own: Sequence[Connection]) -> None:
        """Run groups of tests until there is none."""
        for each in not_its_own:
            each.close()
        self._begin()
        last: pytest.Item | None = None
        try:
            while not self._must_stop() and (group := self._take()) is not None:
                items = [self._session.items[index] for index in group]
                for item, following in zip(items, [*items[1:], self._session], strict=True):
                    last = item
                    # The session in place of a test: only what the session has set up stays.
                    self._config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    if self._must_stop():
                        break
        except KeyboardInterrupt:
            pass  # the first process says so
        finally:
            if last is not None:
                self._end(last)

    def _must_stop(self) -> bool:
        return bool(self._session.shouldfail or self._session.shouldstop)

    def _take(self) -> Group | None:
        self._send("free", None)
        try:
            group: Group | None = self._pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return group

    def _send(self, kind: str, content: object) -> None:
        try:
            self._pipe.send((kind, content))
        except ConnectionError:
            self._session.shouldstop = "the first process listens no more"

    def _begin(self) -> None:
        """Be a process of its own, that shares nothing with those forked from the same."""
        if self._die_with_parent is not None:
            self._die_with_parent()
        random.seed()
        self._temporary.mkdir(mode=0o700)
        self._config._tmp_path_factory._basetemp = self._temporary  # type: ignore[attr-defined]
        plugins = self._config.pluginmanager
        plugins.unregister(name="terminalreporter")
        self._capture.stop_global_capturing()
        self._capture.start_global_capturing()
        self._capture.suspend_global_capture()
        plugins.register(self)  # which hears of the warnings of the collection, too
        self._has_begun = True

    def _end(self, last: pytest.Item) -> None:
        """Stop what the session has set up; a failure is one of the last test, as everywhere."""
        hook, state = self._config.hook, self._session._setupstate
        with self._capture.item_capture("teardown", last):
            call = pytest.CallInfo.from_call(lambda: state.teardown_exact(None), when="teardown")
        if call.excinfo is not None:
            report = hook.pytest_runtest_makereport(item=last, call=call)
            hook.pytest_runtest_logreport(report=report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        content = self._config.hook.pytest_report_to_serializable(
            config=self._config, report=report
        )
        self._send("report", content)

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        if not self._has_begun:
            return
        names = ("category", "filename", "lineno", "line")
        warned = {name: getattr(warning_message, name) for name in names}
        warned["message"] = str(warning_message.message)
        rest = {"when": when, "nodeid": nodeid, "location": location}
        self._send("warning", (warned, rest))
