"""Rules for wadahs: status, and the least number of agents.

Source: docs/domain.md, Becoming a Wadah and Deactivation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from agent_service.agreements.rules import Period, Schemes
from perisai_kit.domain.errors import Conflict, NotFound

TOO_FEW_AGENTS = "too_few_agents"
NO_AGREEMENT = "no_agreement_in_force"


class WadahKind(StrEnum):
    """An organisation or an association of workers outside an employment relation.

    Source: Perban 1/2023 (docs/domain.md, Actors).
    """

    ORGANISATION = "organisation"
    ASSOCIATION = "association"


class WadahStatus(StrEnum):
    REGISTERED = "registered"
    TERMINATED = "terminated"


NEXT: Mapping[WadahStatus, frozenset[WadahStatus]] = {
    WadahStatus.REGISTERED: frozenset({WadahStatus.TERMINATED}),
    WadahStatus.TERMINATED: frozenset(),
}


class TerminationReason(StrEnum):
    """Below target: three months in a row (docs/domain.md, Becoming a Wadah)."""

    BELOW_TARGET = "below_target"
    AGREEMENT_ENDED = "agreement_ended"
    FRAUD = "fraud"
    OWN_REQUEST = "own_request"
    OTHER = "other"


class WadahNotFound(NotFound):
    code = "wadah_not_found"
    text = "There is no such wadah, or you may not see it."
    text_id = "Wadah tidak ditemukan, atau Anda tidak berwenang melihatnya."


class WadahTerminated(Conflict):
    code = "wadah_terminated"
    text = "This wadah was terminated."
    text_id = "Wadah ini sudah diberhentikan."


class WadahNotActive(Conflict):
    """`details["reason"]` is `terminated` or `no_agreement_in_force`."""

    code = "wadah_not_active"
    text = "This wadah is not active: it was terminated, or it has no agreement for today."
    text_id = (
        "Wadah ini tidak aktif: sudah diberhentikan, atau tidak ada PKS yang berlaku hari ini."
    )


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning for officers; nothing is refused because of it."""

    code: str
    minimum: int | None = None
    found: int | None = None


def find_inactive_reason(status: WadahStatus, agreements: Iterable[Period], on: date) -> str | None:
    """Return why a wadah is not active on a day, or None if it is.

    It is active only while an agreement covers the day and it has not been terminated.
    """
    if status is WadahStatus.TERMINATED:
        return WadahStatus.TERMINATED.value
    if not any(period.covers(on) for period in agreements):
        return NO_AGREEMENT
    return None


def check_active(status: WadahStatus, agreements: Iterable[Period], on: date) -> None:
    """Check that a wadah is active on a day. Raises: WadahNotActive with the reason."""
    reason = find_inactive_reason(status, agreements, on)
    if reason is not None:
        raise WadahNotActive(reason=reason)


def check_next(status: WadahStatus, to: WadahStatus) -> None:
    """Check that a wadah can go from `status` to `to`. Raises: WadahTerminated."""
    if to not in NEXT[status]:
        raise WadahTerminated


def check_takes_agreements(status: WadahStatus) -> None:
    """Check that a wadah is not terminated and may sign agreements. Raises: WadahTerminated."""
    if status is WadahStatus.TERMINATED:
        raise WadahTerminated


def list_cautions(
    *,
    status: WadahStatus,
    agreements: Iterable[Period],
    agent_count: int,
    on: date,
    schemes: Schemes,
) -> tuple[Caution, ...]:
    """Return the warnings for officers: too few agents, no agreement in force."""
    if status is WadahStatus.TERMINATED:
        return ()
    found = []
    minimum = schemes.on(on).min_agents
    if find_inactive_reason(status, agreements, on) is not None:
        found.append(Caution(NO_AGREEMENT))
    if agent_count < minimum:
        found.append(Caution(TOO_FEW_AGENTS, minimum=minimum, found=agent_count))
    return tuple(found)
