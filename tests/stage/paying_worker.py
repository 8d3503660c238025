"""The worker of payouts as a process that is killed at a named step, and started again.

`python -m stage.paying_worker` reads a line of JSON for each life and forks, so that a life begins
in milliseconds. A life has the same parts as `perisai-serve payment --worker`, without pauses.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import httpx
from pydantic import BaseModel
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from payment_service.clients.banks import BankClients
from payment_service.clients.payees import PayeesClient
from payment_service.payout_preparations.tasks import Preparer
from payment_service.payout_releases.tasks import Releaser
from payment_service.payout_sending import tasks as sending
from payment_service.payout_sending.sending import Sender
from payment_service.payout_settlement import tasks as settlement
from payment_service.payout_settlement.asking import Settler
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.jobs.runner import JobRunner, Retries
from perisai_kit.runtime.log import configure_logging
from perisai_kit.runtime.network import Network
from perisai_kit.services.app import create_kit
from perisai_kit.services.worker import Periodic, Worker
from perisai_kit.testing.network import Tokens, Wire

SHORTER = 100
SHORTEST_S, LONGEST_S = 0.1, 1.0
"""The worker waits so many times less between two rounds, within these limits."""
BANK_TIMEOUT_S = 0.4
"""The bank is on this machine. A silent one costs a life this long."""
LIBRARY = ("pgqueuer.core.qm", "pgqueuer.adapters.persistence.queries")
"""What the kit imports of the queue's library when it is first used: once, before the forks."""
RETRIES = Retries(attempts=100, first_s=0.05, max_s=0.2)


class Step(StrEnum):
    """Where a life ends. A transfer is a call of service 17 or 18."""

    BEFORE_TRANSFER = "before_transfer"
    AFTER_TRANSFER = "after_transfer"
    BEFORE_CALL = "before_call"
    AFTER_CALL = "after_call"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


class Life(BaseModel):
    """settings: of the service. payees: the file of what agent-service answers about payees.

    kill_at: step and count; None: it lives until it is ended.
    """

    settings: dict[str, Any]
    payees: Path
    log: Path
    kill_at: tuple[Step, int] | None = None


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, kill_at: tuple[Step, int] | None) -> None:
        self._step: Step | None
        self._step, self._left = kill_at or (None, 0)

    def reach(self, step: Step) -> None:
        if step is self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class WatchedNetwork(Network):
    """The network, with a step before and after each call."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_transfer = request.url.path.endswith(("/transfer-intrabank", "/transfer-interbank"))
        self._steps.reach(Step.BEFORE_TRANSFER if is_transfer else Step.BEFORE_CALL)
        response = await super().handle_async_request(request)
        self._steps.reach(Step.AFTER_TRANSFER if is_transfer else Step.AFTER_CALL)
        return response


class Neighbours(httpx.AsyncBaseTransport):
    """The gateway and agent-service, as a worker asks them, with the same steps."""

    def __init__(self, wire: Wire, payees: Path, steps: Steps) -> None:
        self._wire, self._payees, self._steps = wire, payees, steps
        wire.answer("agent", self._find_payees)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._steps.reach(Step.BEFORE_CALL)
        response = await self._wire.handle_async_request(request)
        self._steps.reach(Step.AFTER_CALL)
        return response

    def _find_payees(self, request: httpx.Request) -> httpx.Response:
        known = json.loads(self._payees.read_text())
        asked = json.loads(request.content)["holder_ids"]
        return httpx.Response(200, json={"items": [known[id_] for id_ in asked if id_ in known]})


def live(life: Life, wire: Wire) -> None:
    """Work until killed, or until SIGTERM."""
    steps = Steps(life.kill_at)
    event.listen(Engine, "commit", lambda _: steps.reach(Step.BEFORE_COMMIT))
    event.listen(Session, "after_commit", lambda _: steps.reach(Step.AFTER_COMMIT))
    asyncio.run(_work(life, wire, steps))


async def _work(life: Life, wire: Wire, steps: Steps) -> None:
    configure_logging(service="payment-worker")
    settings = Settings(**life.settings)
    neighbours = Neighbours(wire, life.payees, steps)
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=neighbours)
    payees = PayeesClient(kit.client(settings.agent_url))
    clients = BankClients(
        transport=WatchedNetwork(steps), timeout_s=BANK_TIMEOUT_S, sandbox=settings.sandbox
    )
    sender, settler = Sender(clients, settings), Settler(clients, settings)
    preparer, releaser = Preparer(settings, payees), Releaser(payees)
    worker = Worker(
        kit.database,
        periodic=_hurry(
            [
                Periodic("payouts.prepare", 10, preparer.run, is_due=preparer.is_due),
                Periodic("payouts.release", 10, releaser.run, is_due=releaser.is_due),
                *sending.list_periodic(sender),
                *settlement.list_periodic(settler),
            ]
        ),
        jobs=JobRunner(
            {**sending.list_handlers(sender), **settlement.list_handlers(settler)},
            concurrency=settings.payout_jobs,
            retries=RETRIES,
            poll_s=SHORTEST_S,
        ),
    )
    working = asyncio.ensure_future(worker.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    await asyncio.wait([working])
    await kit.database.dispose()


def _hurry(tasks: Sequence[Periodic]) -> list[Periodic]:
    pauses = [min(max(each.every_s / SHORTER, SHORTEST_S), LONGEST_S) for each in tasks]
    return [replace(each, every_s=pause) for each, pause in zip(tasks, pauses, strict=True)]


def main() -> None:
    """Fork a life for each line, and write its process id and then how it ended."""
    Network()  # reads the certificates once
    wire = Wire(Tokens())
    for name in LIBRARY:
        import_module(name)
    for line in sys.stdin:
        life = Life.model_validate_json(line)
        child = os.fork()
        if child == 0:
            _become(life, wire)
        _say({"pid": child})
        _, status = os.waitpid(child, 0)
        _say({"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None})


def _become(life: Life, wire: Wire) -> NoReturn:
    written = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    code = 1
    try:
        live(life, wire)
        code = 0
    finally:
        os._exit(code)


def _say(what: dict[str, int | None]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
