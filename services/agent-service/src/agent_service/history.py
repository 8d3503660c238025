"""History of wadahs, agents and applications: one row for each change of status."""

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


def make_change_columns(
    changed: HasStatus,
    before: StrEnum | None,
    *,
    by: Principal,
    at: datetime,
    reason: str | None = None,
) -> dict[str, Any]:
    """Return the columns of a history row, without the id of its subject.

    before: the status until now; None for a new subject.
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
