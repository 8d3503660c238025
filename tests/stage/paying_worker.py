"""The worker of payouts as a process that is killed at a named step, and started again.

`python -m stage.paying_worker` reads a line of JSON for each life, and forks, so that a life begins
in milliseconds. The first life that nothing kills is its own: later ones have its statements
compiled, which takes more processor time than their work. A life has the same parts as
`perisai-serve payment --worker`, with short pauses.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import uvloop
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
from perisai_kit.db.engine import Database
from perisai_kit.jobs.runner import JobRunner, Retries
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.runtime.log import configure_logging
from perisai_kit.runtime.network import Network
from perisai_kit.services.app import create_kit
from perisai_kit.services.worker import Periodic, Worker
from perisai_kit.testing.network import Tokens, Wire
from sandbox import lifetime

LONGER = 5
"""The watch of bank statements waits so many times longer than the other rounds."""
BANK_TIMEOUT_S = 0.5
"""A silent bank costs a life this long. On a busy machine it may be too short for every answer, so
that nothing is ever settled: SIGUSR1 ends the hurry."""
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
    """settings: of the service; those of the first life are everybody's. log: a file.

    payees: the file of what agent-service answers about payees. kill_at: step and count; None: it
    lives until it is ended. pause_s: between two rounds.
    """

    settings: dict[str, Any]
    payees: Path
    log: Path
    pause_s: float
    kill_at: tuple[Step, int] | None = None


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._left = 0
        event.listen(Engine, "commit", lambda _: self.reach(Step.BEFORE_COMMIT))
        event.listen(Session, "after_commit", lambda _: self.reach(Step.AFTER_COMMIT))

    def kill_at(self, step: Step, count: int) -> None:
        self._step, self._left = step, count

    def reach(self, step: Step) -> None:
        if step is self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class WatchedNetwork(Network):
    """The network, with a step before and after each call, and time-outs that are shorter."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(keeps_connections=False)  # as production calls banks
        self._steps = steps
        self._is_patient = False

    def be_patient(self) -> None:
        """Wait for the bank as long as we do in production."""
        self._is_patient = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._is_patient:
            request.extensions["timeout"] = httpx.Timeout(BANK_TIMEOUT_S).as_dict()
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


class Nursery:
    """What all lives share: what was read and compiled once, and no connection."""

    def __init__(self, settings: Settings) -> None:
        Network()  # reads the certificates
        for name in LIBRARY:
            import_module(name)
        self.settings = settings
        self.wire = Wire(Tokens())
        self.steps = Steps()
        self.database = Database.from_settings(settings, keyring=Keyring.from_settings(settings))

    def live(self, life: Life) -> None:
        """Work until killed, or until SIGTERM."""
        for stream in (1, 2):
            written = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(written, stream)
            os.close(written)
        if life.kill_at is not None:
            self.steps.kill_at(*life.kill_at)
        asyncio.run(_work(self, life))

    def fork(self, life: Life) -> int:
        """Begin a life in a process of its own; return the id of the process."""
        die_with_parent = lifetime.die_with_parent(signal.SIGKILL)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                gc.disable()
                if die_with_parent is not None:
                    die_with_parent()
                self.live(life)
                code = 0
            finally:
                os._exit(code)
        return child


async def _work(nursery: Nursery, life: Life) -> None:
    configure_logging(service="payment-worker")
    settings, steps = nursery.settings, nursery.steps
    neighbours = Neighbours(nursery.wire, life.payees, steps)
    kit = create_kit(
        settings, migrations=MIGRATIONS, http_transport=neighbours, database=nursery.database
    )
    payees = PayeesClient(kit.client(settings.agent_url))
    network = WatchedNetwork(steps)
    clients = BankClients(transport=network, sandbox=settings.sandbox)
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
            ],
            life.pause_s,
        ),
        jobs=JobRunner(
            {**sending.list_handlers(sender), **settlement.list_handlers(settler)},
            concurrency=settings.payout_jobs,
            retries=RETRIES,
            poll_s=life.pause_s,
        ),
    )
    working = asyncio.ensure_future(worker.run())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, working.cancel)
    loop.add_signal_handler(signal.SIGUSR1, network.be_patient)
    await asyncio.wait([working])
    await kit.database.dispose()


def _hurry(tasks: Sequence[Periodic], pause_s: float) -> list[Periodic]:
    is_rare = [each.every_s > settlement.DUE_S for each in tasks]
    pauses = [pause_s * (LONGER if rare else 1) for rare in is_rare]
    return [replace(each, every_s=pause) for each, pause in zip(tasks, pauses, strict=True)]


def main() -> None:
    """Say the process id of each life, and then how it ended."""
    answers = os.fdopen(os.dup(1), "w")

    def say(what: dict[str, int | None]) -> None:
        answers.write(f"{json.dumps(what)}\n")
        answers.flush()

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    nursery: Nursery | None = None
    is_warm = False
    for line in sys.stdin:
        life = Life.model_validate_json(line)
        nursery = nursery or Nursery(Settings(**life.settings))
        if life.kill_at is None and not is_warm:
            say({"pid": os.getpid()})
            nursery.live(life)
            say({"signal": None})
            gc.freeze()
            is_warm = True
        else:
            child = nursery.fork(life)
            say({"pid": child})
            _, status = os.waitpid(child, 0)
            say({"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None})


if __name__ == "__main__":
    main()
