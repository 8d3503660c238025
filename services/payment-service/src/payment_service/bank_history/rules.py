"""What is written of a change of a bank partner. No secret is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

HIDDEN = "hidden"
"""What stands for a secret: that it was changed is written, and nothing of it."""


class PartnerChangeKind(StrEnum):
    REGISTERED = "registered"
    ACTIVATED = "activated"
    SUSPENDED = "suspended"
    OUTBOUND_REPLACED = "outbound_replaced"
    SETTINGS_REPLACED = "settings_replaced"
    CREDENTIALS_PROPOSED = "credentials_proposed"
    CREDENTIALS_APPROVED = "credentials_approved"
    CREDENTIALS_REJECTED = "credentials_rejected"
    CREDENTIALS_ENDED = "credentials_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A bank partner at one moment. values: as JSON has them. secrets: are compared, not shown."""

    partner_id: UUID
    version: int
    values: Mapping[str, object]
    secrets: Mapping[str, str | None] = field(repr=False)


def compare(
    before: Snapshot | None, after: Snapshot
) -> tuple[dict[str, object], dict[str, object]]:
    """Return the values that differ, before and after. Without a before, all that there are."""
    was: dict[str, object] = {**before.values, **before.secrets} if before else {}
    is_now: dict[str, object] = {**after.values, **after.secrets}
    names = [name for name in is_now if was.get(name) != is_now[name]]
    return (
        {} if before is None else {name: _show(after, name, was.get(name)) for name in names},
        {name: _show(after, name, is_now[name]) for name in names},
    )


def _show(of: Snapshot, name: str, value: object) -> object:
    return HIDDEN if name in of.secrets and value is not None else value
