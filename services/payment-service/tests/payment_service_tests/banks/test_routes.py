from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

COUNTRY = {"kind": ScopeKind.COUNTRY}
PARTNERS = "/v1/bank-partners"
SETTINGS = {"trust_bank_time": True, "keeps_refused_money": False}
NewPartner = Callable[..., dict[str, Any]]


@pytest.fixture
def treasurer(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)


async def test_a_new_partner_is_a_draft_with_credentials_shown_once(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    made = await client.post(PARTNERS, json=new_partner(), headers=treasurer)

    assert made.status_code == 201
    partner = made.json()
    assert partner["status"] == "draft"
    assert len(partner["client_secret"]) >= 60
    assert partner["client_id"]
    for path in (PARTNERS, f"{PARTNERS}/{partner['id']}"):
        shown = await client.get(path, headers=treasurer)
        assert partner["client_secret"] not in shown.text
        assert "client_secret" not in shown.text
        assert "PRIVATE" not in shown.text


async def test_a_partner_may_bring_its_credentials(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    own = {"client_id": "bank-uji", "client_secret": "k" * 40}

    made = await client.post(PARTNERS, json=new_partner(**own), headers=treasurer)

    assert made.json()["client_id"] == own["client_id"]
    assert made.json()["client_secret"] == own["client_secret"]


async def test_secrets_are_stored_encrypted(
    client: httpx.AsyncClient,
    treasurer: dict[str, str],
    new_partner: NewPartner,
    session: AsyncSession,
) -> None:
    made = await client.post(PARTNERS, json=new_partner(), headers=treasurer)

    row = (await session.execute(text("SELECT * FROM bank_partners"))).one()
    stored = b"".join(each for each in row if isinstance(each, bytes))
    assert made.json()["client_secret"].encode() not in stored
    assert b"s" * 40 not in stored
    assert b"PRIVATE" not in stored


async def test_a_client_id_is_given_once(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    await client.post(PARTNERS, json=new_partner(client_id="bank-uji"), headers=treasurer)

    other = new_partner(client_id="bank-uji", company_code="88002")
    again = await client.post(PARTNERS, json=other, headers=treasurer)

    assert again.status_code == 409
    assert again.json()["code"] == "client_id_taken"


async def test_a_bank_gives_a_company_code_once(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    await client.post(PARTNERS, json=new_partner(), headers=treasurer)

    again = await client.post(PARTNERS, json=new_partner(), headers=treasurer)
    elsewhere = await client.post(PARTNERS, json=new_partner(bank_code="014"), headers=treasurer)

    assert (again.status_code, again.json()["code"]) == (409, "company_code_taken")
    assert [each["pointer"] for each in again.json()["errors"]] == ["/company_code"]
    assert elsewhere.status_code == 201


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"profile": "unheard-of"}, "bank_profile_unknown", "/profile"),
        ({"public_key_pem": "x" * 200}, "bank_key_unusable", "/public_key_pem"),
        ({"allowed_sources": ["203.0.113.0/28", "home"]}, "source_unusable", "/allowed_sources/1"),
        ({"company_code": "123456789"}, "invalid", "/company_code"),
        ({"client_secret": "short"}, "invalid", "/client_secret"),
        ({"allowed_sources": ["10.0.0.1"] * 51}, "invalid", "/allowed_sources"),
        ({"unheard_of": 1}, "invalid", "/unheard_of"),
    ],
)
async def test_an_unusable_registration_is_refused(
    *,
    client: httpx.AsyncClient,
    treasurer: dict[str, str],
    new_partner: NewPartner,
    changes: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    answer = await client.post(PARTNERS, json=new_partner(**changes), headers=treasurer)

    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"client_secret": None}, "outbound_incomplete", "/outbound/client_secret"),
        ({"private_key_pem": "x" * 200}, "bank_key_unusable", "/outbound/private_key_pem"),
        ({"base_url": "ftp://bank.test"}, "bank_address_unusable", "/outbound/base_url"),
        ({"base_url": "https://"}, "bank_address_unusable", "/outbound/base_url"),
        ({"base_url": "https://a:b@bank.test"}, "bank_address_unusable", "/outbound/base_url"),
        ({"base_url": "https://bank.test?x=1"}, "bank_address_unusable", "/outbound/base_url"),
        ({"base_url": "https://bank.test:99999"}, "bank_address_unusable", "/outbound/base_url"),
        ({"base_url": "https://[bank"}, "bank_address_unusable", "/outbound/base_url"),
    ],
)
async def test_an_unusable_way_to_the_bank_is_refused(
    *,
    client: httpx.AsyncClient,
    treasurer: dict[str, str],
    new_partner: NewPartner,
    changes: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    asked = new_partner()
    outbound = {**asked["outbound"], **changes}

    answer = await client.post(PARTNERS, json={**asked, "outbound": outbound}, headers=treasurer)

    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"client_secret": None}, "outbound_incomplete", "/client_secret"),
        ({"private_key_pem": "x" * 200}, "bank_key_unusable", "/private_key_pem"),
        ({"base_url": "ftp://bank.test"}, "bank_address_unusable", "/base_url"),
        ({"x_partner_id": ""}, "invalid", "/x_partner_id"),
    ],
)
async def test_an_unusable_change_of_the_way_to_the_bank_changes_nothing(
    *,
    client: httpx.AsyncClient,
    treasurer: dict[str, str],
    new_partner: NewPartner,
    changes: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    asked = new_partner()
    partner = (await client.post(PARTNERS, json=asked, headers=treasurer)).json()
    address = f"{PARTNERS}/{partner['id']}"
    outbound = {**asked["outbound"], "base_url": "https://moved.test", **changes}

    answer = await client.put(f"{address}/outbound", json=outbound, headers=treasurer)

    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    shown = (await client.get(address, headers=treasurer)).json()
    assert shown["base_url"] == asked["outbound"]["base_url"]


async def test_a_bank_that_could_not_be_called_can_be_from_now_on(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    outbound = new_partner()["outbound"]
    partner = (
        await client.post(PARTNERS, json=new_partner(outbound=None), headers=treasurer)
    ).json()

    changed = await client.put(
        f"{PARTNERS}/{partner['id']}/outbound", json=outbound, headers=treasurer
    )

    assert partner["base_url"] is None
    assert changed.status_code == 200
    assert changed.json()["base_url"] == outbound["base_url"]
    assert changed.json()["channel_id"]
    assert "secret" not in changed.text
    assert "PRIVATE" not in changed.text


async def test_a_short_key_is_refused(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    pem = short.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()

    answer = await client.post(PARTNERS, json=new_partner(public_key_pem=pem), headers=treasurer)

    assert answer.json()["code"] == "bank_key_unusable"


async def test_plain_http_to_a_bank_is_for_the_sandbox_only(
    make_app: Any, database: Any, wire: Any, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    app = make_app(database=database, wire=wire, sandbox=False, clock_file=None)
    asked = new_partner()
    asked["outbound"]["base_url"] = "http://bank.test"
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post(PARTNERS, json=asked, headers=treasurer)

    assert answer.json()["code"] == "bank_address_unusable"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.5",
        "169.254.169.254",
        "payment",
        "payment.perisai.svc.cluster.local",
        "metadata.google.internal",
    ],
)
async def test_an_inner_address_is_no_bank_outside_a_sandbox(
    *,
    make_app: Any,
    database: Any,
    wire: Any,
    treasurer: dict[str, str],
    new_partner: NewPartner,
    host: str,
) -> None:
    app = make_app(database=database, wire=wire, sandbox=False, clock_file=None)
    asked = new_partner()
    outbound = {**asked["outbound"], "base_url": f"https://{host}:8443/x"}
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        new = {**asked, "outbound": outbound}
        registered = await client.post(PARTNERS, json=new, headers=treasurer)
        made = await client.post(PARTNERS, json=asked, headers=treasurer)
        address = f"{PARTNERS}/{made.json()['id']}"
        rerouted = await client.put(f"{address}/outbound", json=outbound, headers=treasurer)
        shown = await client.get(address, headers=treasurer)

    for answer, pointer in ((registered, "/outbound/base_url"), (rerouted, "/base_url")):
        assert (answer.status_code, answer.json()["code"]) == (422, "bank_address_inner")
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert shown.json()["base_url"] == asked["outbound"]["base_url"]


async def test_partners_are_listed_page_by_page(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    for name in "ABC":
        new = new_partner(name=name, company_code=f"8800{ord(name) % 10}")
        await client.post(PARTNERS, json=new, headers=treasurer)

    first = (await client.get(PARTNERS, params={"limit": 2}, headers=treasurer)).json()
    rest = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await client.get(PARTNERS, params=rest, headers=treasurer)).json()

    assert [each["name"] for each in first["items"]] == ["A", "B"]
    assert [each["name"] for each in second["items"]] == ["C"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.ADMIN, Role.FINANCE_OFFICER}]
)
async def test_nobody_else_deals_with_bank_partners(
    client: httpx.AsyncClient, tokens: Tokens, new_partner: NewPartner, role: Role
) -> None:
    headers = tokens.make(role)
    one = f"{PARTNERS}/{new_id()}"

    answers = [
        await client.post(PARTNERS, json=new_partner(), headers=headers),
        await client.get(PARTNERS, headers=headers),
        await client.post(f"{one}/activation", headers=headers),
        await client.post(f"{one}/suspension", headers=headers),
        await client.put(f"{one}/outbound", json=new_partner()["outbound"], headers=headers),
        await client.put(f"{one}/settings", json=SETTINGS, headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {403}
    read = await client.get(one, headers=headers)
    # The gateway asks whether there is the bank of a new account.
    assert read.status_code == (404 if role in {Role.SERVICE, Role.BANK_ENGINEER} else 403)


async def test_a_bank_s_engineer_reads_the_own_partner_without_our_staff(
    client: httpx.AsyncClient,
    tokens: Tokens,
    treasurer: dict[str, str],
    new_partner: NewPartner,
) -> None:
    own = (await client.post(PARTNERS, json=new_partner(), headers=treasurer)).json()
    other = new_partner(company_code="88002", name="Bank Lain")
    other = (await client.post(PARTNERS, json=other, headers=treasurer)).json()
    scope = {"kind": ScopeKind.BANK_PARTNER, "code": own["id"]}
    engineer = tokens.make(Role.BANK_ENGINEER, scope=scope)

    read = await client.get(f"{PARTNERS}/{own['id']}", headers=engineer)
    foreign = await client.get(f"{PARTNERS}/{other['id']}", headers=engineer)
    refused = [
        await client.get(PARTNERS, headers=engineer),
        await client.post(f"{PARTNERS}/{own['id']}/suspension", headers=engineer),
        await client.put(f"{PARTNERS}/{own['id']}/settings", json=SETTINGS, headers=engineer),
    ]

    assert (read.status_code, read.json()["company_code"]) == (200, own["company_code"])
    assert (read.json()["status_changed_by"], read.json()["changed_by"]) == (None, [])
    assert own["client_secret"] not in read.text
    assert (foreign.status_code, foreign.json()["code"]) == (404, "bank_partner_not_found")
    assert [each.status_code for each in refused] == [403, 403, 403]


async def test_an_engineer_without_a_bank_reads_none(
    client: httpx.AsyncClient,
    tokens: Tokens,
    treasurer: dict[str, str],
    new_partner: NewPartner,
) -> None:
    made = (await client.post(PARTNERS, json=new_partner(), headers=treasurer)).json()

    answers = [
        await client.get(
            f"{PARTNERS}/{made['id']}{path}",
            headers=tokens.make(Role.BANK_ENGINEER, scope=scope),
        )
        for scope in (None, COUNTRY)
        for path in ("", "/requests", "/integration-guide")
    ]

    assert {each.status_code for each in answers} == {404}


async def test_an_unknown_partner_is_not_found(
    client: httpx.AsyncClient, treasurer: dict[str, str], new_partner: NewPartner
) -> None:
    one = f"{PARTNERS}/{new_id()}"

    answers = [
        await client.get(one, headers=treasurer),
        await client.post(f"{one}/activation", headers={**treasurer, "If-Match": "*"}),
        await client.post(f"{one}/suspension", headers=treasurer),
        await client.put(f"{one}/outbound", json=new_partner()["outbound"], headers=treasurer),
        await client.put(f"{one}/settings", json=SETTINGS, headers=treasurer),
    ]

    assert {answer.json()["code"] for answer in answers} == {"bank_partner_not_found"}
