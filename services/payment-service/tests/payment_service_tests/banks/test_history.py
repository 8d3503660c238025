"""Every change of a bank partner stays on record with its author."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

PARTNERS = "/v1/bank-partners"
COUNTRY = {"kind": ScopeKind.COUNTRY}
NAMES = ("ani", "budi", "cici")
NewPartner = Callable[..., dict[str, Any]]


class Office:
    """Finance officers of the country by name, who act on one bank partner."""

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self.client = client
        self.ids = {name: new_id() for name in NAMES}
        self._headers = {
            name: tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY, account_id=id_)
            for name, id_ in self.ids.items()
        }
        self.path = ""
        self.secret = ""

    async def register(self, name: str, partner: dict[str, Any]) -> None:
        answer = await self.client.post(PARTNERS, json=partner, headers=self._headers[name])
        self.path = f"{PARTNERS}/{answer.json()['id']}"
        self.secret = answer.json()["client_secret"]

    async def act(self, name: str, method: str, act: str, body: Any = None) -> httpx.Response:
        version = (await self.client.get(self.path, headers=self._headers[name])).headers["ETag"]
        return await self.client.request(
            method,
            f"{self.path}/{act}",
            json=body,
            headers={**self._headers[name], "If-Match": version},
        )

    async def history(self, **params: Any) -> dict[str, Any]:
        answer = await self.client.get(
            f"{self.path}/history", params=params, headers=self._headers["cici"]
        )
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    async def list_authors(self) -> list[tuple[str, str]]:
        """Return what was done and by whom, the first act first."""
        names = {str(id_): name for name, id_ in self.ids.items()}
        items = (await self.history())["items"]
        return [(each["change"], names[each["author_id"]]) for each in reversed(items)]


@pytest.fixture
async def office(client: httpx.AsyncClient, tokens: Tokens, new_partner: NewPartner) -> Office:
    made = Office(client, tokens)
    await made.register("ani", new_partner())
    return made


async def test_the_author_of_every_act_stays_on_record(
    office: Office, new_partner: NewPartner
) -> None:
    settings = {"trust_bank_time": False, "keeps_refused_money": True}
    acts = (
        ("budi", "POST", "activation", None),
        ("cici", "POST", "suspension", None),
        ("ani", "PUT", "settings", settings),
        ("budi", "PUT", "outbound", new_partner()["outbound"]),
        ("ani", "POST", "activation", None),  # refused: own change
    )
    for name, method, act, body in acts:
        await office.act(name, method, act, body)

    assert await office.list_authors() == [
        ("registered", "ani"),
        ("activated", "budi"),
        ("suspended", "cici"),
        ("settings_replaced", "ani"),
        ("outbound_replaced", "budi"),
    ]


async def test_replaced_credentials_name_who_proposed_and_who_decided(office: Office) -> None:
    changes = [
        {"allowed_sources": ["203.0.113.7"], "overlap_days": 14},
        {"replaces_client_secret": True, "overlap_days": 14},
    ]
    for change, verdict in zip(changes, ("approved", "rejected"), strict=True):
        proposed = await office.act("budi", "POST", "credential-changes", change)
        path = f"credential-changes/{proposed.json()['id']}"
        await office.act("cici", "POST", f"{path}/decision", {"verdict": verdict})
        await office.act("ani", "POST", f"{path}/ending")

    assert await office.list_authors() == [
        ("registered", "ani"),
        ("credentials_proposed", "budi"),
        ("credentials_approved", "cici"),
        ("credentials_ended", "ani"),
        ("credentials_proposed", "budi"),
        ("credentials_rejected", "cici"),
    ]


async def test_a_change_shows_the_values_that_differ(office: Office) -> None:
    await office.act(
        "budi",
        "PUT",
        "settings",
        {
            "trust_bank_time": False,
            "keeps_refused_money": False,
            "external_id_format": "text36",
        },
    )

    changed, registered = (await office.history())["items"]

    assert changed["before"] == {"trust_bank_time": True, "external_id_format": "numeric"}
    assert changed["after"] == {"trust_bank_time": False, "external_id_format": "text36"}
    assert (registered["version"], changed["version"]) == (1, 2)
    assert (registered["before"], registered["after"]["profile"]) == ({}, "generic-hmac")


async def test_a_key_is_shown_as_the_hash_that_the_banks_letter_can_be_compared_with(
    office: Office, key: rsa.RSAPrivateKey
) -> None:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    (registered,) = (await office.history())["items"]

    assert registered["after"]["public_key_sha256"] == sha256(der).hexdigest()


async def test_no_secret_is_written(
    office: Office, new_partner: NewPartner, session: AsyncSession
) -> None:
    outbound = {**new_partner()["outbound"], "client_secret": "o" * 40}
    proposed = await office.act(
        "ani", "POST", "credential-changes", {"replaces_client_secret": True, "overlap_days": 0}
    )
    decision = f"credential-changes/{proposed.json()['id']}/decision"
    await office.act("budi", "POST", decision, {"verdict": "approved"})
    await office.act("budi", "PUT", "outbound", outbound)

    items = (await office.history())["items"]

    stored = str((await session.execute(text("SELECT * FROM bank_partner_changes"))).all())
    secrets = [office.secret, proposed.json()["client_secret"], "o" * 40, "s" * 40, "PRIVATE"]
    assert [each for each in secrets if each in stored or each in str(items)] == []
    assert items[0]["after"] == {"outbound_client_secret": "hidden"}
    assert items[1]["before"]["client_secret"] == items[1]["after"]["client_secret"] == "hidden"


async def test_the_history_is_read_page_by_page(office: Office) -> None:
    await office.act("budi", "POST", "activation")
    await office.act("ani", "POST", "suspension")

    first = await office.history(limit=2)
    rest = await office.history(limit=2, cursor=first["next_cursor"])

    kinds = [[each["change"] for each in page["items"]] for page in (first, rest)]
    assert kinds == [["suspended", "activated"], ["registered"]]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("statement", ["UPDATE {} SET author_id = id", "DELETE FROM {}"])
async def test_the_history_cannot_be_changed(
    office: Office, session: AsyncSession, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with session.begin_nested():
            await session.execute(text(statement.format("bank_partner_changes")))


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.FINANCE_OFFICER, 200),
        (Role.ADMIN, 200),
        (Role.BRANCH_OFFICER, 403),
        (Role.AUDITOR, 403),
    ],
)
async def test_who_reads_a_partner_reads_its_history(
    office: Office, tokens: Tokens, role: Role, status: int
) -> None:
    headers = tokens.make(role, scope=COUNTRY)

    answers = [
        await office.client.get(path, headers=headers)
        for path in (office.path, f"{office.path}/history")
    ]

    assert [each.status_code for each in answers] == [status, status]


async def test_an_unknown_partner_has_no_history(client: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.make(Role.ADMIN, scope=COUNTRY)

    answer = await client.get(f"{PARTNERS}/{new_id()}/history", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "bank_partner_not_found")
