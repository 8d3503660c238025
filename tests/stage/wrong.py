"""Requests full of somebody's data that the platform refuses."""

import json
import secrets
import uuid
from typing import Any

from stage.customers import AT
from stage.leaks import Watched
from stage.processes import Platform

from perisai_kit.domain import clock
from sandbox.demo.clients import Actor
from sandbox.demo.people import member_body, new_adult
from sandbox.environment import FAKEBANK_FILE
from sandbox.fakebank.config import Partner, Partners
from snap_bi.outgoing import sign_token_request, sign_transaction


async def send_what_is_refused(platform: Platform, watched: Watched) -> None:
    """Send each; a request that is not refused as it should be fails here."""
    async with platform.http("gateway", watched) as http:
        officer = Actor(http, device_id="stage-wrong")
        await officer.sign_in_with_password("officer1", platform.password("officer1"))
        await _enrol_wrongly(officer)
        await _sign_in_wrongly(Actor(http, device_id="stage-unknown"))
    await _sign_wrongly(platform, watched)


async def _enrol_wrongly(officer: Actor) -> None:
    person = member_body(new_adult(AT.date()), at=AT)
    nik, phone = person["nik"], person["phone"]
    await officer.post("/v1/members", person)

    await _refused(officer, 409, json={**person, "id": str(uuid.uuid4())})
    await _refused(officer, 422, json={**person, "nik": f"{nik[:6]}99{nik[8:]}"})
    await _refused(officer, 422, json={**person, "phone": f"{phone}x"})
    await _refused(officer, 422, json={**person, "declared_income": phone})
    await _refused(officer, 422, json={**person, "birth_date": person["full_name"]})
    await _refused(officer, 400, content=json.dumps(person)[:-1])
    await officer.call("GET", f"/v1/members/{nik}", expect=(422,))
    await officer.call("GET", "/v1/members", params={"cursor": nik}, expect=(400, 422))
    await officer.call("GET", f"/v1/{person['full_name']}/{nik}", expect=(404,))


async def _refused(officer: Actor, status: int, **body: Any) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
    await officer.call("POST", "/v1/members", headers=headers, expect=(status,), **body)


async def _sign_in_wrongly(actor: Actor) -> None:
    phone = new_adult(AT.date()).phone
    secret = secrets.token_urlsafe(24)
    device = {"device_id": "stage-unknown"}
    for grant in (
        {"grant_type": "password", "username": "nobody", "password": secret},
        {"grant_type": "otp", "phone": phone, "code": f"{secrets.randbelow(10**6):06d}", **device},
        {"grant_type": "refresh_token", "refresh_token": secret, **device},
        {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": secret},
    ):
        await actor.call("POST", "/v1/auth/token", json=grant, expect=(401,))
    asked = {"phone": f"{phone}x", **device}
    await actor.call("POST", "/v1/auth/otp", json=asked, expect=(422,))


async def _sign_wrongly(platform: Platform, watched: Watched) -> None:
    """Call as the bank, with its good token and a signature by nobody."""
    partners = Partners(platform.folder / FAKEBANK_FILE).all()
    partner = next(each for each in partners if each.profile.name == "generic-hmac")
    async with platform.http("gateway") as http:
        asked = sign_token_request(
            client_id=partner.entry.client_id,
            private_key=partner.private_key,
            profile=partner.profile,
            at=clock.real_now(),
        )
        prefix = partner.profile.public_prefix
        answer = await http.post(
            f"{prefix}/access-token/b2b",
            content=b'{"grantType":"client_credentials"}',
            headers=asked.headers,
        )
        token = answer.json()["accessToken"]
        watched.secrets["bank token"].add(token)
        target = f"{prefix}/transfer-va/inquiry"
        refused = await http.post(target, content=b"{}", headers=_unsigned(partner, target, token))
    assert refused.json()["responseCode"] == "4012400"


def _unsigned(partner: Partner, target: str, token: str) -> dict[str, str]:
    signed = sign_transaction(
        partner.profile,
        partner.sender,
        target=target,
        body=b'{"another": "body"}',
        at=clock.real_now(),
        external_id=f"{secrets.randbelow(10**30):030d}",
        token=token,
    )
    return signed.headers
