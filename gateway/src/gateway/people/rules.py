"""Which accounts a proven telephone number leads to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """An account that a telephone number may lead to."""

    account_id: uuid.UUID
    member_id: uuid.UUID | None
    was_agent: bool
    has_phone: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a telephone number signs in to.

    keep: accounts as they are. attach: the account without a member, and the member it becomes.
    create: members who get an account now. create_empty: an account without any role is made.
    """

    keep: tuple[uuid.UUID, ...] = ()
    attach: tuple[uuid.UUID, uuid.UUID] | None = None
    create: tuple[uuid.UUID, ...] = ()
    create_empty: bool = False


def choose_accounts(known: Sequence[Known], members: Sequence[uuid.UUID] | None) -> Choice:
    """Decide which accounts a proven telephone number leads to.

    known: accounts of this number or of one of these members. members: who has this number
    according to member-service; None when it did not answer, and then the accounts speak alone.
    A member's account follows the member's number: numbers are given to others. An account that
    ever was an agent's does not: the application proved its number, and those who may edit a
    member must not become the agent, nor the agent who was suspended or dismissed.
    """
    if members is None:
        keep = tuple(each.account_id for each in known if each.has_phone)
        return Choice(keep=keep, create_empty=not keep)
    memberless = [each for each in known if each.member_id is None]
    # Beside an agent's account there may be an empty one of the same person, made by mistake.
    memberless.sort(key=lambda each: not each.was_agent)
    having = {each.member_id for each in known}
    missing = tuple(member_id for member_id in members if member_id not in having)
    attach = None
    if len(members) == 1 and missing and memberless:
        attach, missing = (memberless[0].account_id, members[0]), ()
    keep = tuple(each.account_id for each in known if _leads_to(each, members))
    return Choice(keep=keep, attach=attach, create=missing, create_empty=not keep and not missing)


def _leads_to(known: Known, members: Sequence[uuid.UUID]) -> bool:
    if known.member_id is None or known.was_agent:
        return known.has_phone
    return known.member_id in members
