"""The e-mail addresses of staff, which get notices."""

import json
from typing import Any

import pytest

from perisai_kit.auth.principal import Role

WHY = {"reason": "As the office asked."}


async def test_staff_gets_an_address_for_notices_and_the_old_address_a_notice(
    gateway: Any,
) -> None:
    officer = await gateway.staff("officer.1", role=Role.AUDITOR)
    headers = await gateway.signed_in(Role.ADMIN)
    address = f"/v1/accounts/{officer.id}"
    first, second = "siti.rahma@example.org", "siti@example.org"

    async def change(email: str | None) -> dict[str, Any]:
        content = {"email": email, **WHY}
        changed = await gateway.client.put(f"{address}/email", json=content, headers=headers)
        assert changed.status_code == 204
        await gateway.send_notices()
        shown: dict[str, Any] = (await gateway.client.get(address, headers=headers)).json()
        return shown

    changed = await change(first)
    again = await change(first)
    await change(second)
    removed = await change(None)
    await gateway.client.post(f"/v1/accounts/{officer.id}/lock", json=WHY, headers=headers)
    await gateway.send_notices()

    assert changed["email_masked"] == "s***@example.org"
    assert again["version"] == changed["version"]
    assert removed["email_masked"] is None
    assert await gateway.mails_to(first) == ["account_email_changed"]
    assert await gateway.mails_to(second) == ["account_email_changed"]
    rows = await gateway.history(officer.id)
    assert [each["change"] for each in rows] == ["locked", *["email_changed"] * 3]
    assert "siti" not in json.dumps(rows)


async def test_a_change_of_a_staff_account_is_sent_by_mail(gateway: Any) -> None:
    officer = await gateway.staff("officer.1", role=Role.AUDITOR)
    headers = await gateway.signed_in(Role.ADMIN)
    address = f"/v1/accounts/{officer.id}"
    mail = {"email": "siti@example.org", **WHY}

    await gateway.client.put(f"{address}/email", json=mail, headers=headers)
    own = await gateway.signed_in(Role.AUDITOR, account_id=officer.id)
    me = await gateway.client.get("/v1/me", headers=own)
    await gateway.client.post(f"{address}/lock", json=WHY, headers=headers)
    await gateway.send_notices()

    assert me.json()["email_masked"] == "s***@example.org"
    assert await gateway.mails_to(mail["email"]) == ["account_locked"]


async def test_a_person_has_no_address_for_notices(gateway: Any) -> None:
    session = await gateway.otp_session()

    answer = await gateway.client.put(
        f"/v1/accounts/{session['account_id']}/email",
        json={"email": "siti@example.org", **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "notices_by_phone")


@pytest.mark.parametrize(
    "email",
    ["siti", "siti@localhost", "a@b.c,d@e.f", "a b@c.d", "a@b.c\r\nBcc: d@e.f", "\u00e9@b.c"],
)
async def test_an_address_that_no_mail_can_go_to_is_refused(gateway: Any, email: str) -> None:
    officer = await gateway.staff("officer.1", role=Role.AUDITOR)

    answer = await gateway.client.put(
        f"/v1/accounts/{officer.id}/email",
        json={"email": email, **WHY},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    assert answer.status_code == 422
    assert email not in answer.text
