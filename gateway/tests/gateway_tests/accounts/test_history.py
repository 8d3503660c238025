"""The history of an account: each change with its author and reason, and a notice to the owner."""

import json
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import OFFICER, PHONE
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gateway.clients.notice_sender import Channels, WebhookNotices
from gateway.clients.webhook import Webhook
from gateway.notices import rules as notice_rules
from gateway.notices import service as notices
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

NEW_PHONE = "+6285200000001"
REASON = "Siti has lost her telephone."
WHY = {"reason": REASON}
NEW = {**OFFICER, **WHY}


@pytest.fixture
async def admin(gateway: Any) -> Any:
    """The account of an administrator, and the header it signs requests with."""
    account = await gateway.staff("boss")
    return account, await gateway.signed_in(Role.ADMIN, account_id=account.id)


async def test_each_change_of_a_staff_account_is_a_row_with_author_and_reason(
    gateway: Any, admin: Any
) -> None:
    boss, headers = admin
    key = {"Idempotency-Key": f"key-{new_id()}"}
    created = await gateway.client.post("/v1/accounts", json=NEW, headers={**headers, **key})
    address = f"/v1/accounts/{created.json()['id']}"
    roles = {"roles": ["auditor"], "scope": {"kind": "country"}, **WHY}
    reset = {"password": "another horse battery", **WHY}

    await gateway.client.put(f"{address}/roles", json=roles, headers={**headers, "If-Match": "*"})
    locked = await gateway.client.post(f"{address}/lock", json=WHY, headers=headers)
    await gateway.client.post(f"{address}/lock", json=WHY, headers=headers)  # changes nothing
    await gateway.client.post(f"{address}/unlock", json=WHY, headers=headers)
    await gateway.client.post(f"{address}/password-reset", json=reset, headers=headers)

    rows = await gateway.history(created.json()["id"])
    assert [each["change"] for each in rows] == [
        "password_reset",
        "unlocked",
        "locked",
        "roles_changed",
        "created",
    ]
    assert {(each["source"], each["author_id"], each["reason"]) for each in rows} == {
        ("administrator", str(boss.id), REASON)
    }
    assert rows[2]["request_id"] == locked.headers["x-request-id"]
    assert rows[3]["before"]["roles"] == ["branch_officer"]
    assert rows[3]["after"]["roles"] == ["auditor"]


async def test_the_owner_reads_what_administrators_did(gateway: Any, admin: Any) -> None:
    _, headers = admin
    key = {"Idempotency-Key": f"key-{new_id()}"}
    created = await gateway.client.post("/v1/accounts", json=NEW, headers={**headers, **key})
    reset = {"password": "another horse battery", **WHY}
    address = f"/v1/accounts/{created.json()['id']}/password-reset"
    await gateway.client.post(address, json=reset, headers=headers)
    owner = await gateway.token(
        grant_type="password", username="banyuwangi.1", password="another horse battery"
    )
    own = {"Authorization": f"Bearer {owner.json()['access_token']}", "Accept-Language": "id"}

    first = (await gateway.client.get("/v1/me/notices?limit=1", headers=own)).json()
    rest = await gateway.client.get(f"/v1/me/notices?cursor={first['next_cursor']}", headers=own)
    others = await gateway.client.get("/v1/me/notices", headers=headers)

    assert [each["template"] for each in first["items"]] == ["account_password_reset"]
    assert first["items"][0]["text"].startswith("Administrator mengganti kata sandi")
    assert [each["template"] for each in rest.json()["items"]] == ["account_created"]
    assert REASON not in rest.text
    assert others.json()["items"] == []


async def test_a_moved_telephone_notifies_the_old_number(gateway: Any, admin: Any) -> None:
    _, headers = admin
    session = await gateway.otp_session()

    await gateway.client.put(
        f"/v1/accounts/{session['account_id']}/phone",
        json={"phone": NEW_PHONE, **WHY},
        headers=headers,
    )
    await gateway.send_notices()
    await gateway.send_notices()  # nothing is sent twice

    assert await gateway.notices_to(PHONE) == ["account_phone_changed"]
    assert await gateway.notices_to(NEW_PHONE) == []
    rows = await gateway.history(session["account_id"])
    assert [each["change"] for each in rows] == ["phone_changed", "created"]
    assert "85200000001" not in json.dumps(rows)


async def test_reasons_and_numbers_are_encrypted_and_stand_in_no_log(
    gateway: Any, admin: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    boss, headers = admin
    session = await gateway.otp_session()
    capfd.readouterr()

    await gateway.client.post(
        f"/v1/accounts/{session['account_id']}/lock", json=WHY, headers=headers
    )

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    event = next(line for line in lines if line["event"] == "account.changed")
    assert event["changed_account_id"] == session["account_id"]
    assert (event["change"], event["author_id"]) == ("locked", str(boss.id))
    assert not any("Siti" in str(line) or "7890" in str(line) for line in lines)
    async with gateway.parts.database.read() as db:
        raw = (await db.connection()).exec_driver_sql
        reasons = (await raw("SELECT reason FROM account_changes WHERE reason IS NOT NULL")).all()
        phones = (await raw("SELECT phone FROM account_notices WHERE phone IS NOT NULL")).all()
    assert not any(b"Siti" in bytes(row.reason) for row in reasons)
    assert not any(b"7890" in bytes(row.phone) for row in phones)
    assert (len(reasons), len(phones)) == (1, 1)


@pytest.mark.parametrize(
    "statement", ["UPDATE account_changes SET author_id = NULL", "DELETE FROM account_changes"]
)
async def test_the_gateway_itself_cannot_alter_the_history(gateway: Any, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with gateway.parts.database.begin() as session:
            await session.execute(text(statement))


async def test_a_provider_that_is_away_gets_the_notice_later(gateway: Any, admin: Any) -> None:
    _, headers = admin
    session = await gateway.otp_session()
    answers = [500, 202]
    sent: list[dict[str, Any]] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(answers.pop(0))

    webhook = Webhook(
        "http://sender/messages",
        gateway.parts.settings.client_secret,
        transport=httpx.MockTransport(take),
    )
    lock = f"/v1/accounts/{session['account_id']}/lock"
    await gateway.client.post(lock, json=WHY, headers=headers)
    now, channels = clock.real_now(), Channels(WebhookNotices(webhook), None)

    async def send(after: Any) -> None:
        await notices.send_due(gateway.parts.database, channels, now=now + after)

    await send(0 * notice_rules.FIRST_RETRY)
    await send(0.5 * notice_rules.FIRST_RETRY)
    await send(1 * notice_rules.FIRST_RETRY)
    await send(notice_rules.LONGEST_RETRY)
    await webhook.close()

    async with gateway.parts.database.read() as db:
        raw = (await db.connection()).exec_driver_sql
        left = (await raw("SELECT id, phone, sent_at FROM account_notices")).one()
    message = {
        "id": str(left.id),
        "phone": PHONE,
        "template": "account_locked",
        "language": "id",
        "text": "Administrator mengunci akun Anda.",
        "parameters": {},
    }
    assert sent == [message, message]
    assert left.phone is None
    assert left.sent_at is not None
