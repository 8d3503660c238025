"""The histories of wadahs, agents and applications: a row for every change of their status."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from perisai_kit.auth.principal import Principal
from perisai_kit.domain.ids import new_id


class HasStatus(Protocol):
    @property
    def status(self) -> StrEnum: ...
    @property
    def reason_code(self) -> str | None: ...


def change_columns(
    changed: HasStatus,
    before: StrEnum | None,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
) -> dict[str, Any]:
    """Return the columns of a history row but whose history it is.

    before: the status until now, None for what was made now.
    """
    return {
        "id": new_id(),
        "from_status": before,
        "to_status": changed.status,
        "reason_code": changed.reason_code,
        "reason": reason,
        "changed_at": at,
        "changed_by": by.account_id,
    }
