"""Who holds a bank account or a tax identity, and who may act for them.

Source: docs/domain.md, Audit and anti-fraud list: no agent decides about their own bank account.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from agent_service.agents.rules import OwnCase, Person, check_not_own
from perisai_kit.domain.errors import Forbidden, Invalid


class HolderKind(StrEnum):
    AGENT = "agent"
    WADAH = "wadah"


class HolderUnclear(Invalid):
    code = "holder_unclear"
    text = "Send exactly one agent_id or one wadah_id."
    text_id = "Isi salah satu saja: agent_id atau wadah_id."


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """An agent or a wadah. No repr: it names a person.

    person: the identities of an agent; None for a wadah.
    """

    kind: HolderKind
    id: UUID
    name: str
    branch_code: str
    region_code: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts: a person, and as what. wadah_id: of the wadah that they administer."""

    person: Person
    is_officer: bool
    agent_id: UUID | None
    wadah_id: UUID | None


def is_own(kind: HolderKind, holder_id: UUID, by: Acting) -> bool:
    """Tell whether agents act for themselves, or administrators for their wadah."""
    match kind:
        case HolderKind.AGENT:
            return by.agent_id == holder_id
        case HolderKind.WADAH:
            return by.wadah_id == holder_id


def check_may_propose(holder: Holder, by: Acting) -> None:
    """Check that an officer, or the holder, proposes. Raises: Forbidden."""
    if not by.is_officer and not is_own(holder.kind, holder.id, by):
        raise Forbidden


def check_may_decide(holder: Holder, by: Acting) -> None:
    """Check that nobody decides about themselves, or about their own wadah. Raises: OwnCase."""
    if holder.person is not None:
        check_not_own(holder.person, by=by.person)
    if is_own(holder.kind, holder.id, by):
        raise OwnCase
