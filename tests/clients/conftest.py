"""The document as a file, the tools of build/api, and a gateway on a real port."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gateway.app
from gateway.create_admin import create_admin
from gateway.openapi.service import published
from gateway.settings import Settings
from perisai_kit.testing.plugin import Databases
from perisai_kit.testing.server import HOST, serve
from sandbox import lifetime

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "build" / "api"
HERE = Path(__file__).parent
USERNAME, PASSWORD = "client-admin", "correct horse battery staple"
ENDS_S = 240
INSTALLING = TOOLS / "installing"
"""Is there while install.sh runs."""
INSTALLED_S = 600


@dataclass(frozen=True)
class Workshop:
    """A folder of its own for one tool, with the document in it."""

    folder: Path

    async def run(self, *command: str | Path, **variables: str) -> str:
        """Run a command there and return what it writes. It must succeed."""
        running = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**os.environ, "NO_COLOR": "1", "NO_PROXY": HOST, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(ENDS_S):
            output, _ = await running.communicate()
        assert running.returncode == 0, output.decode()[-10_000:]
        return output.decode()

    async def run_node(self, tool: str, *arguments: str, **variables: str) -> str:
        """Run one of the tools that npm installed."""
        return await self.run(TOOLS / "node_modules" / ".bin" / tool, *arguments, **variables)

    def take(self, *names: str, to: str = ".") -> None:
        """Copy files of this folder there."""
        (self.folder / to).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(HERE / name, self.folder / to / name)


@pytest.fixture(scope="session")
def tools() -> None:
    """Wait until the tools are installed, which `make check` does beside the other tests."""
    assert lifetime.wait_until(lambda: not INSTALLING.exists(), timeout_s=INSTALLED_S)


@pytest.fixture(scope="session")
def make_workshop(tools: None) -> Callable[[str], Workshop]:
    """Make an empty folder in build/api, where Node finds what npm installed."""

    def make(name: str) -> Workshop:
        folder = TOOLS / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        document = published()
        assert document is not None, "run `make setup`"
        (folder / "openapi.json").write_bytes(document.content)
        return Workshop(folder)

    return make


@pytest.fixture(scope="session")
def node(tools: None) -> None:
    """Skip where the tools of Node are not installed."""
    if not (TOOLS / "node_modules").is_dir():
        pytest.skip("there is no Node 20.19 or newer, or npm could not fetch its packages")


@pytest.fixture(scope="session")
async def platform(
    make_settings: Callable[..., Any], databases: Databases
) -> AsyncIterator[dict[str, str]]:
    """A gateway on a real port and an administrator's sign-in, as a program's variables."""
    addresses = {f"{name}_url": f"http://{name}.invalid" for name in ("agent", "member", "payment")}
    urls = databases.clone("gateway")  # of its own: the other tests roll back
    settings: Settings = make_settings(Settings, urls, service_clients={}, **addresses)
    app = gateway.app.create_app(settings)
    await create_admin(
        app.state.parts.database, username=USERNAME, password=PASSWORD, cost=settings.hash_cost
    )
    async with serve(app) as port:
        yield {
            "PERISAI_URL": f"http://{HOST}:{port}",
            "PERISAI_USERNAME": USERNAME,
            "PERISAI_PASSWORD": PASSWORD,
        }
    await asyncio.to_thread(databases.drop, urls)


def check_program(output: str) -> None:
    """Check what the small program of each client prints."""
    assert json.loads(output) == {
        "names": [USERNAME],
        "roles": ["admin"],
        "refused": "unauthenticated",
    }
