"""Looking for what must be nowhere: people's data and secrets."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from stage.processes import DATABASES, Platform

from perisai_kit.runtime.network import Network
from sandbox.vault import load_secrets

SENT = frozenset(
    {
        "nik",
        "full_name",
        "account_holder_name",
        "holder_name",
        "phone",
        "street",
        "account_no",
        "password",
        "client_secret",
        "refresh_token",
    }
)
METRICS_S = 30.0
RECEIVED = frozenset({"access_token", "refresh_token"})
PROBLEM = "application/problem+json"
BANK_LOG_CALLS = 1000
TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition
"""


@dataclass
class Watched:
    """Collects what must stay secret from the requests and answers it is shown."""

    secrets: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    problems: list[str] = field(default_factory=list)

    async def __call__(self, answer: httpx.Response) -> None:
        """Take one answer and its request; a hook of httpx."""
        content = await answer.aread()
        if answer.headers.get("content-type", "").startswith(PROBLEM):
            self.problems.append(content.decode())
        sent = _json(answer.request.content)
        self._add(sent, SENT)
        self._add(_json(content), RECEIVED)
        if isinstance(sent, dict) and sent.get("grant_type") == "otp":
            self.secrets["code"].add(sent["code"])

    def add_vault(self, folder: Path) -> None:
        """Take the secrets that a sandbox began with."""
        vault = load_secrets(folder)
        for service in vault.services.values():
            self.secrets["service secret"] |= set(service.model_dump().values())
        self.secrets["bank secret"] |= {
            value
            for bank in vault.banks.values()
            for name, value in bank.model_dump().items()
            if "secret" in name
        }
        self.secrets["password"] |= set(vault.passwords.values())
        passwords = json.loads((folder / "postgres" / "passwords.json").read_text())
        self.secrets["database password"] |= set(passwords.values())

    def _add(self, content: Any, names: frozenset[str]) -> None:
        for name, value in _named_texts(content):
            if name in names and value:
                self.secrets[name].add(value)


def find(places: Mapping[str, str], secrets: Mapping[str, Iterable[str]]) -> list[str]:
    """Return which kind of secret stands where, without the secret itself."""
    found = []
    for place, text in places.items():
        lowered = text.lower()
        for kind, values in secrets.items():
            count = sum(_holds(lowered, kind, value.lower()) for value in values)
            found += [f"{count} of {kind} in {place}"] if count else []
    return found


def _holds(text: str, kind: str, value: str) -> bool:
    if kind == "phone":
        value = value.removeprefix("+62")  # also in its form with 0
    if kind == "code":
        # By itself: six digits are also a part of many an instant.
        return re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", text) is not None
    return value in text or value.encode().hex() in text  # bytes are shown in hex


async def collect_places(platform: Platform) -> dict[str, str]:
    """Return what is to be searched: logs, metrics, the bank's log and every table."""
    places = {f"log of {path.stem}": path.read_text() for path in platform.logs.glob("*.log")}
    postgres_log = platform.folder / "postgres" / "postgres.log"
    places["log of postgres"] = places.get("log of postgres", "") + postgres_log.read_text()
    for name in DATABASES:
        async with httpx.AsyncClient(transport=Network(), timeout=METRICS_S) as http:
            figures = await http.get(f"{platform.inner_address(name)}/metrics")
            places[f"metrics of {name}"] = figures.raise_for_status().text
        async for table, rows in _tables(platform, name):
            places[f"table {table} of {name}"] = rows
    async with platform.http("fakebank") as http:
        answer = await http.get("/log", params={"limit": BANK_LOG_CALLS})
        places["log of the bank's calls"] = answer.text
    return places


async def _tables(platform: Platform, name: str) -> Any:
    async with platform.database(name) as connection:
        for (table,) in await connection.fetch(TABLES):
            question = f'SELECT each::text FROM "{table}" AS each'  # noqa: S608 - from the catalogue
            rows = await connection.fetch(question)
            yield table, "\n".join(row["each"] for row in rows)


def _named_texts(content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, list):
        for each in content:
            yield from _named_texts(each)
    if isinstance(content, dict):
        for name, value in content.items():
            if isinstance(value, str):
                yield name, value
            yield from _named_texts(value)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
