"""Keep built worlds: folders with PostgreSQL's data and keys, in which measurements read.

It takes minutes to build one, so it is kept in the checkout's data folder until the migrations, the
generator, the size or the month are others.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvloop

from bench.bank import Bank
from bench.stage import USED_UP, Stage, open_stage
from bench.world.build import Say, live_models, make_stores, multiply
from bench.world.lives import NAMES, Present
from bench.world.load import Store
from bench.world.plan import Plan
from perisai_kit.domain import clock
from perisai_kit.services.processes import find_head, find_migrations
from sandbox.postgres import Postgres
from sandbox.services import ROOT

WORLDS = ROOT / ".perisai" / "worlds"
VERSION = 2
"""Of the generator: one more whenever its rows come out differently."""
FOR_LOADING = {
    # Rows that are copied into an emptied table are not logged then.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "1GB",
    "max_parallel_maintenance_workers": "0",
}


@contextmanager
def open_world(plan: Plan, *, say: Say) -> Iterator[Stage]:
    """Open a stage whose databases hold a world, which is built first where it is not kept.

    Its databases stay as they are, but for read audits: what changes one borrows it. A world that
    was used up is removed.
    """
    folder = WORLDS / make_key(plan)
    with _only_builder(say):
        _remove_used_up(folder, say)
        if not folder.exists():
            say(f"building a world of {plan.size:,} members")
            _build_world(plan, folder, say)
    say(f"world of {plan.size:,} members: {folder.relative_to(ROOT)}, {_measure(folder):,} MB")
    try:
        with open_stage(folder) as stage:
            yield stage
    finally:
        _remove_used_up(folder, say)


def _remove_used_up(folder: Path, say: Say) -> None:
    if (folder / USED_UP).exists():
        say(f"removing {folder.name}: a database of it was changed, for want of room for a copy")
        shutil.rmtree(folder)


def make_key(plan: Plan) -> str:
    """Return the name of a world: its size, its month, and what else its rows depend on.

    Without copies it is the name of the models.
    """
    parts = [f"{name} {find_head(find_migrations(name))}" for name in NAMES]
    parts += [repr(plan), str(VERSION)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    size = "models" if plan.copies == 1 else str(plan.size)
    return f"{size}-{Present(clock.real_now()).month}-{digest[:12]}"


@contextmanager
def _only_builder(say: Say) -> Iterator[None]:
    """Let no two processes build at once: the later one finds what the first has built."""
    WORLDS.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (WORLDS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that builds a world")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_world(plan: Plan, folder: Path, say: Say) -> None:
    models = replace(plan, copies=1, branches=1)
    lived = WORLDS / make_key(models)
    if not lived.exists():
        _build_models(models, lived, say)
    if lived == folder:
        return
    with _unfinished(folder) as unfinished:
        # With the owner of the server's files.
        subprocess.run(["cp", "-a", f"{lived}/.", str(unfinished)], check=True)
        with open_stage(unfinished, durable=False) as stage:
            _set(stage.postgres, FOR_LOADING)
            bank = stage.secrets.banks["generic-hmac"]
            multiply(plan, _make_stores(stage), bank.client_id, say=say)
            _set(stage.postgres, {})


def _build_models(plan: Plan, folder: Path, say: Say) -> None:
    began = time.monotonic()
    with (
        _unfinished(folder) as unfinished,
        open_stage(unfinished, durable=False) as stage,
    ):
        stage.migrate(*NAMES)
        bank = Bank(stage.secrets.banks["generic-hmac"])
        clock_file = unfinished / "clock.json"
        uvloop.run(live_models(plan, _make_stores(stage), bank, clock_file=clock_file))
    say(f"{plan.members} models have lived after {time.monotonic() - began:.0f} s")


def _make_stores(stage: Stage) -> list[Store]:
    urls = {name: stage.url(name, "owner") for name in NAMES}
    return make_stores(urls, {name: stage.keyring(name) for name in NAMES})


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that gets its name only when all is well, and on the disk."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    yield unfinished
    os.sync()
    unfinished.rename(folder)


def _set(postgres: Postgres, settings: dict[str, str]) -> None:
    """Set what holds from a restart on, and restart."""
    changes = [f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()]
    for change in ["ALTER SYSTEM RESET ALL", *changes]:
        postgres.query("postgres", change)
    postgres.stop()
    postgres.start()


def _measure(folder: Path) -> int:
    """Return the size of a folder in MB."""
    done = subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])
