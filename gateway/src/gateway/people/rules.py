"""The accounts that a proven telephone number can sign in to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A candidate account for a telephone number."""

    account_id: uuid.UUID
    member_id: uuid.UUID | None
    was_agent: bool
    has_phone: bool
    """Whether the number is the account's and, as far as is known, still the member's."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The accounts for a telephone number.

    keep: existing accounts. attach: an account without a member, and the member to attach.
    create: members who need an account. create_empty: whether to create an account without a role.
    """

    keep: tuple[uuid.UUID, ...] = ()
    attach: tuple[uuid.UUID, uuid.UUID] | None = None
    create: tuple[uuid.UUID, ...] = ()
    create_empty: bool = False


def choose_accounts(known: Sequence[Known], members: Sequence[uuid.UUID] | None) -> Choice:
    """Choose the accounts that a proven telephone number can sign in to.

    known: accounts of this number or of one of these members. members: the members with this number
    according to member-service; None if it did not answer, and then the accounts decide alone.

    A member's account moves with the member's number, because numbers are reused. An account that
    ever was an agent's does not move: the application proved its number, and a person who may edit
    a member must not become an agent, not even a suspended or dismissed one.
    """
    if members is None:
        keep = tuple(each.account_id for each in known if each.has_phone)
        return Choice(keep=keep, create_empty=not keep)
    memberless = [each for each in known if each.member_id is None]
    # The person of an agent's account may also have an empty account, created by mistake.
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
