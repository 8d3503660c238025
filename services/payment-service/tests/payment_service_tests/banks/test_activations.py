"""A bank takes payments once another person has confirmed how it does."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

PARTNERS = "/v1/bank-partners"
SETTINGS = {"trust_bank_time": True, "keeps_refused_money": False}
NewPartner = Callable[..., dict[str, Any]]


class Office:
    """Finance officers of the country by name, who act on one bank partner."""

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self._client, self._tokens = client, tokens
        self._headers: dict[str, dict[str, str]] = {}
        self.ids = {name: new_id() for name in ("ani", "budi", "cici")}
        self.path = ""

    def headers(self, name: str) -> dict[str, str]:
        if name not in self._headers:
            self._headers[name] = self._tokens.make(
                Role.FINANCE_OFFICER,
                scope={"kind": ScopeKind.COUNTRY},
                account_id=self.ids[name],
            )
        return self._headers[name]

    async def register(self, name: str, partner: dict[str, Any]) -> httpx.Response:
        answer = await self._client.post(PARTNERS, json=partner, headers=self.headers(name))
        if answer.is_success:
            self.path = f"{PARTNERS}/{answer.json()['id']}"
        return answer

    async def act(self, name: str, act: str, body: Any = None) -> httpx.Response:
        """body: for a change; without it the act is a POST."""
        method = "POST" if body is None else "PUT"
        headers = {**self.headers(name), "If-Match": (await self.show()).headers["ETag"]}
        return await self._client.request(method, f"{self.path}/{act}", json=body, headers=headers)

    async def activate(self, name: str, **headers: str) -> httpx.Response:
        """headers: in place of the If-Match of what is stored."""
        path = f"{self.path}/activation"
        return await self._client.post(path, headers={**self.headers(name), **headers})

    async def show(self) -> httpx.Response:
        return await self._client.get(self.path, headers=self.headers("ani"))


@pytest.fixture
def office(client: httpx.AsyncClient, tokens: Tokens) -> Office:
    return Office(client, tokens)


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_partner_is_activated_and_suspended_and_activated_again(
    office: Office, new_partner: NewPartner
) -> None:
    await office.register("ani", new_partner())

    answers = [
        await office.act(name, step)
        for name, step in (
            ("budi", "activation"),
            ("budi", "activation"),
            ("ani", "suspension"),
            ("ani", "suspension"),
            ("budi", "activation"),
        )
    ]

    assert [answer.status_code for answer in answers] == [200, 409, 200, 409, 200]
    assert answers[1].json()["code"] == "bank_partner_status"
    assert answers[-1].json()["status"] == "active"


async def test_nobody_activates_a_partner_of_their_own(
    office: Office, new_partner: NewPartner
) -> None:
    await office.register("ani", new_partner())

    own = await office.act("ani", "activation")
    draft = (await office.show()).json()
    other = await office.act("budi", "activation")

    assert said(own) == (403, "own_bank_partner")
    assert (draft["status"], draft["changed_by"]) == ("draft", [str(office.ids["ani"])])
    assert other.status_code == 200
    assert other.json()["status_changed_by"] == str(office.ids["budi"])


@pytest.mark.parametrize("change", ["outbound", "settings"])
async def test_an_active_partner_is_not_changed(
    office: Office, new_partner: NewPartner, change: str
) -> None:
    asked = new_partner()
    await office.register("ani", asked)
    await office.act("budi", "activation")
    before = (await office.show()).json()
    bodies = {
        "outbound": {**asked["outbound"], "base_url": "https://moved.test"},
        "settings": {"trust_bank_time": False, "keeps_refused_money": True},
    }

    answers = [await office.act(name, change, bodies[change]) for name in ("ani", "budi", "cici")]

    assert [said(each) for each in answers] == [(409, "bank_partner_active")] * 3
    assert (await office.show()).json() == before


@pytest.mark.parametrize("change", ["outbound", "settings"])
async def test_a_change_takes_effect_by_another_person(
    office: Office, new_partner: NewPartner, change: str
) -> None:
    asked = new_partner()
    await office.register("ani", asked)
    await office.act("budi", "activation")
    await office.act("cici", "suspension")
    bodies = {"outbound": asked["outbound"], "settings": SETTINGS}

    changed = await office.act("budi", change, bodies[change])
    refused = [await office.act(name, "activation") for name in ("budi", "cici")]
    activated = await office.act("ani", "activation")

    assert changed.status_code == 200
    assert changed.json()["status"] == "suspended"
    assert [said(each) for each in refused] == [(403, "own_bank_partner")] * 2
    assert activated.json()["status"] == "active"
    authors = [str(office.ids[name]) for name in ("cici", "budi")]
    assert activated.json()["changed_by"] == authors


async def test_a_later_change_by_another_does_not_confirm_the_own_one(
    office: Office, new_partner: NewPartner
) -> None:
    asked = new_partner()
    await office.register("ani", asked)
    await office.act("budi", "outbound", asked["outbound"])
    await office.act("ani", "settings", SETTINGS)

    answers = [await office.act(name, "activation") for name in ("ani", "budi", "cici")]

    assert [each.status_code for each in answers] == [403, 403, 200]


async def test_a_draft_that_was_suspended_is_still_of_who_registered_it(
    office: Office, new_partner: NewPartner
) -> None:
    await office.register("ani", new_partner())
    await office.act("budi", "suspension")

    answers = [await office.act(name, "activation") for name in ("ani", "budi", "cici")]

    assert [each.status_code for each in answers] == [403, 403, 200]


async def test_an_activation_confirms_what_was_read_and_nothing_later(
    office: Office, new_partner: NewPartner
) -> None:
    asked = new_partner()
    await office.register("ani", asked)
    seen = (await office.show()).headers["ETag"]
    moved = {**asked["outbound"], "base_url": "https://moved.test"}
    await office.act("ani", "outbound", moved)

    unread = await office.activate("budi", **{"If-Match": seen})
    unsaid = await office.activate("budi")
    status = (await office.show()).json()["status"]
    read = await office.activate("budi", **{"If-Match": (await office.show()).headers["ETag"]})

    assert [said(each) for each in (unread, unsaid)] == [
        (412, "precondition_failed"),
        (428, "precondition_required"),
    ]
    assert (status, read.status_code) == ("draft", 200)


@pytest.mark.parametrize(
    ("switch", "usual"), [("trust_bank_time", True), ("keeps_refused_money", False)]
)
async def test_times_are_trusted_and_money_is_refused_until_the_settings_say_otherwise(
    office: Office, new_partner: NewPartner, switch: str, usual: bool
) -> None:
    made = await office.register("ani", new_partner())

    switched = await office.act("ani", "settings", {**SETTINGS, switch: not usual})
    activated = await office.act("budi", "activation")

    answers = [made, switched, activated]
    assert [each.json()[switch] for each in answers] == [usual, not usual, not usual]


async def test_external_ids_are_numbers_until_the_settings_say_otherwise(
    office: Office, new_partner: NewPartner
) -> None:
    made = await office.register("ani", new_partner())
    text = await office.act("ani", "settings", {**SETTINGS, "external_id_format": "text36"})
    unnamed = await office.act("ani", "settings", SETTINGS)
    odd = await office.act("ani", "settings", {**SETTINGS, "external_id_format": "uuid"})
    number = await office.act("ani", "settings", {**SETTINGS, "external_id_format": "numeric"})

    shown = [each.json()["external_id_format"] for each in (made, text, unnamed, number)]
    assert shown == ["numeric", "text36", "text36", "numeric"]
    assert odd.status_code == 422


async def test_a_bank_may_be_registered_as_one_that_sends_text(
    office: Office, new_partner: NewPartner
) -> None:
    made = await office.register("ani", new_partner(external_id_format="text36"))

    assert made.json()["external_id_format"] == "text36"


@pytest.mark.parametrize("profile", ["bca", "bri"])
async def test_a_real_bank_is_not_activated_before_its_replay_answer_is_signed_off(
    office: Office, new_partner: NewPartner, profile: str
) -> None:
    await office.register("ani", new_partner(profile=profile))

    unsigned = await office.act("budi", "activation")
    await office.act("ani", "settings", {**SETTINGS, "replay_answer": "2002500"})
    signed = await office.act("budi", "activation")

    assert said(unsigned) == (409, "replay_answer_unsigned")
    assert signed.status_code == 200
    assert signed.json()["replay_answer"] == "2002500"


async def test_an_answer_that_costs_the_customer_the_payment_cannot_be_signed_off(
    office: Office, new_partner: NewPartner
) -> None:
    harmful = {"replay_answer": "4042518"}
    registered = await office.register("ani", new_partner(profile="bri", **harmful))
    await office.register("ani", new_partner(profile="bri"))

    changed = await office.act("ani", "settings", {**SETTINGS, **harmful})

    assert [said(each) for each in (registered, changed)] == [(409, "replay_answer_harmful")] * 2


@pytest.mark.parametrize("answer", ["2002500", "4042518"])
async def test_a_bank_may_sign_off_either_answer_that_it_reads_as_paid(
    office: Office, new_partner: NewPartner, answer: str
) -> None:
    await office.register("ani", new_partner(profile="bca", replay_answer=answer))

    activated = await office.act("budi", "activation")

    assert activated.json()["replay_answer"] == answer
    assert activated.json()["status"] == "active"
