"""What is recorded of an account: which change, by whom, why."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from gateway.notices.rules import Template


class Change(StrEnum):
    CREATED = "created"
    ROLES_CHANGED = "roles_changed"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    PASSWORD_RESET = "password_reset"
    PASSWORD_CHANGED = "password_changed"
    TOTP_SET = "totp_set"
    TOTP_REMOVED = "totp_removed"
    TOTP_RESET = "totp_reset"
    PHONE_CHANGED = "phone_changed"
    MEMBER_ATTACHED = "member_attached"
    AGENT_ROLE_GIVEN = "agent_role_given"
    AGENT_ROLE_TAKEN = "agent_role_taken"
    LOCKED_OUT = "locked_out"
    """Too many wrong passwords or codes; the account waits for the next window."""


class Source(StrEnum):
    ADMINISTRATOR = "administrator"
    OWNER = "owner"
    SIGN_IN = "sign_in"
    """A telephone number was proven, and the account followed from what member-service said."""
    EVENT = "event"
    COMMAND_LINE = "command_line"
    LIMIT = "limit"
    """The limit on tries."""
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, in which request, and why. account_id: None where it is no account."""

    source: Source
    account_id: uuid.UUID | None = None
    request_id: str | None = None
    reason: str | None = None


COMMAND_LINE = Author(Source.COMMAND_LINE)
EVENT = Author(Source.EVENT)
LIMIT = Author(Source.LIMIT)
SIGN_IN = Author(Source.SIGN_IN)


def choose_template(change: Change, source: Source) -> Template | None:
    """Return what the owner of the account is told of a change; None for nothing.

    Owners hear of what others do to their account, and of every move to another number.
    """
    if source is Source.ADMINISTRATOR or change is Change.PHONE_CHANGED:
        return Template(f"account_{change}")
    return None
