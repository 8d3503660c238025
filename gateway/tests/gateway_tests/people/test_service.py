"""Which accounts are offered for a number, and in which order."""

import json
from typing import Any

import httpx
from gateway_tests.gateways import PHONE
from sqlalchemy import insert

from gateway.accounts.models import Account
from gateway.people import service
from gateway.people.queries import ACCOUNTS_OF_A_PHONE
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.columns import seal_values
from perisai_kit.testing.network import Wire


def made_up_accounts(gateway: Any) -> list[dict[str, Any]]:
    """Insert accounts with another person's number, and with lower ids than the real ones."""
    rows = [
        {
            "id": new_id(),
            "kind": "person",
            "phone": PHONE,
            "phone_hash": gateway.parts.keyring.lookup("phone", PHONE),
            "display_label": "X***",
            "member_id": new_id(),
            "roles": ["member"],
            "version": 1,
            "created_at": clock.real_now(),
        }
        for _ in range(ACCOUNTS_OF_A_PHONE + 10)
    ]
    return [seal_values(Account, row) for row in rows]


async def test_who_has_signed_in_before_is_offered_first_however_many_are_made_up(
    gateway: Any, members: Any
) -> None:
    member_id, made_up = new_id(), made_up_accounts(gateway)
    members[PHONE] = [{"member_id": str(member_id), "display_name_masked": "S***"}]
    real = await gateway.otp_session()
    async with gateway.parts.database.begin() as session:
        await session.execute(insert(Account), made_up)
    everybody = [member_id, *(row["member_id"] for row in made_up)]

    async with gateway.parts.database.begin() as session:
        offered = await service.find_accounts(
            session,
            gateway.parts.keyring,
            phone=PHONE,
            people=[service.Person(each, "X***") for each in everybody],
            now=clock.real_now(),
        )

    assert str(offered[0].id) == real["account_id"]
    assert len(offered) == ACCOUNTS_OF_A_PHONE


async def test_the_old_number_is_notified_and_signed_out_when_an_account_follows_its_member(
    gateway: Any, members: Any
) -> None:
    members[PHONE] = [{"member_id": str(new_id()), "display_name_masked": "S***"}]
    old = await gateway.otp_session()
    members["+6285200000001"] = members.pop(PHONE)

    new = await gateway.otp_session("+6285200000001")
    await gateway.send_notices()

    assert await gateway.notices_to(PHONE) == ["account_phone_changed"]
    assert await gateway.notices_to("+6285200000001") == []
    assert (await gateway.refresh(old["refresh_token"])).status_code == 401
    assert (await gateway.refresh(new["refresh_token"])).status_code == 200


async def test_the_member_is_found_among_accounts_that_were_made_up_for_the_number(
    gateway: Any, members: Any
) -> None:
    made_up = made_up_accounts(gateway)
    members[PHONE] = [{"member_id": str(new_id()), "display_name_masked": "S***"}]
    async with gateway.parts.database.begin() as session:
        await session.execute(insert(Account), made_up)

    session = await gateway.otp_session()

    assert session["account_id"] not in {str(row["id"]) for row in made_up}


async def test_the_twenty_first_member_of_a_number_signs_in(gateway: Any, members: Any) -> None:
    people = [{"member_id": str(new_id()), "display_name_masked": f"S{n}***"} for n in range(21)]
    members[PHONE] = people

    listed = (await gateway.token(**await gateway.otp_grant())).json()
    last = next(each for each in listed["accounts"] if each["label"] == "S20***")
    chosen = await gateway.token(**await gateway.otp_grant(account_id=last["account_id"]))

    assert len(listed["accounts"]) == 21
    assert chosen.status_code == 200, chosen.text
    assert chosen.json()["account_id"] == last["account_id"]


async def test_members_who_have_signed_in_are_asked_for_before_all_who_share_the_number(
    gateway: Any, members: Any, network: Wire
) -> None:
    real = {"member_id": str(new_id()), "display_name_masked": "S***"}
    members[PHONE] = [real]
    session = await gateway.otp_session()
    made_up = [{"member_id": str(new_id()), "display_name_masked": "X***"} for _ in range(60)]

    def look_up(request: httpx.Request) -> httpx.Response:
        """Answer as member-service does: the known ones first, and fifty at most."""
        known = json.loads(request.content)["known_member_ids"]
        found = sorted([*made_up, real], key=lambda each: each["member_id"] not in known)
        return httpx.Response(200, json={"members": found[:50]})

    network.answer("member", look_up)
    listed = (await gateway.token(**await gateway.otp_grant())).json()

    assert listed["accounts"][0]["account_id"] == session["account_id"]
    assert len(listed["accounts"]) == 50
