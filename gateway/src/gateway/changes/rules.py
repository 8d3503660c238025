"""The changes of an account that are recorded, and their sources."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from gateway.notices.rules import NoticeTemplate


class ChangeKind(StrEnum):
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
    PHONE_ENDED = "phone_ended"
    """member-service has another number for the member now."""
    EMAIL_CHANGED = "email_changed"
    MEMBER_ATTACHED = "member_attached"
    AGENT_ROLE_GIVEN = "agent_role_given"
    AGENT_ROLE_TAKEN = "agent_role_taken"
    LOCKED_OUT = "locked_out"
    """After too many wrong passwords or codes, until the next window."""


class ChangeSource(StrEnum):
    ADMINISTRATOR = "administrator"
    OWNER = "owner"
    SIGN_IN = "sign_in"
    """A sign-in proved a telephone number, and member-service named its members."""
    EVENT = "event"
    COMMAND_LINE = "command_line"
    LIMIT = "limit"
    """The limit on attempts."""
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a change. account_id: None if the author has no account."""

    source: ChangeSource
    account_id: uuid.UUID | None = None
    request_id: str | None = None
    reason: str | None = None


COMMAND_LINE = Author(ChangeSource.COMMAND_LINE)
EVENT = Author(ChangeSource.EVENT)
LIMIT = Author(ChangeSource.LIMIT)
SIGN_IN = Author(ChangeSource.SIGN_IN)


def choose_template(change: ChangeKind, source: ChangeSource) -> NoticeTemplate | None:
    """Return the notice to the owner about a change, if any.

    Owners get a notice of changes by administrators, and of every change of the number.
    """
    if source is ChangeSource.ADMINISTRATOR or change is ChangeKind.PHONE_CHANGED:
        return NoticeTemplate(f"account_{change}")
    return None
