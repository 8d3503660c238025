from uuid import UUID

import pytest

from agent_service.agents.rules import OwnCase, Person
from agent_service.holders import rules
from agent_service.holders.rules import Acting, Holder, HolderKind
from perisai_kit.domain.errors import Forbidden
from perisai_kit.domain.ids import new_id

ACCOUNT, MEMBER, AGENT, WADAH = new_id(), new_id(), new_id(), new_id()
AN_AGENT = Holder(
    HolderKind.AGENT, AGENT, "Siti", "BWI", "JTM", Person(ACCOUNT, frozenset({MEMBER}), AGENT)
)
A_WADAH = Holder(HolderKind.WADAH, WADAH, "Rukun Nelayan", "BWI", "JTM", None)


def acting(
    *,
    is_officer: bool = False,
    agent_id: UUID | None = None,
    wadah_id: UUID | None = None,
    person: Person | None = None,
) -> Acting:
    return Acting(person or Person(new_id()), is_officer, agent_id, wadah_id)


OFFICER = acting(is_officer=True)
THE_AGENT = acting(agent_id=AGENT)
ADMINISTRATOR = acting(wadah_id=WADAH)


@pytest.mark.parametrize(
    ("holder", "by", "may"),
    [
        (AN_AGENT, OFFICER, True),
        (A_WADAH, OFFICER, True),
        (AN_AGENT, THE_AGENT, True),
        (A_WADAH, ADMINISTRATOR, True),
        (AN_AGENT, ADMINISTRATOR, False),
        (A_WADAH, THE_AGENT, False),
        (AN_AGENT, acting(agent_id=new_id()), False),
        (A_WADAH, acting(wadah_id=new_id()), False),
        (A_WADAH, acting(), False),
    ],
)
def test_holders_and_officers_propose(holder: Holder, by: Acting, may: bool) -> None:
    if may:
        rules.check_may_propose(holder, by)
    else:
        with pytest.raises(Forbidden):
            rules.check_may_propose(holder, by)


@pytest.mark.parametrize(
    ("holder", "by"),
    [
        (AN_AGENT, acting(is_officer=True, agent_id=AGENT)),
        (AN_AGENT, acting(is_officer=True, person=Person(ACCOUNT))),
        (AN_AGENT, acting(is_officer=True, person=Person(new_id(), frozenset({MEMBER})))),
        (A_WADAH, acting(is_officer=True, wadah_id=WADAH)),
    ],
)
def test_nobody_decides_about_themselves_or_their_wadah(holder: Holder, by: Acting) -> None:
    with pytest.raises(OwnCase):
        rules.check_may_decide(holder, by)


@pytest.mark.parametrize("holder", [AN_AGENT, A_WADAH])
def test_another_officer_decides(holder: Holder) -> None:
    rules.check_may_decide(holder, OFFICER)
