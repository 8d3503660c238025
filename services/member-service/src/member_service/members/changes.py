"""What a change of a member's record does, whoever asked for it and however it was confirmed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members import queries, rules
from member_service.members.models import Member, MemberChange
from member_service.members.rules import Limits
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, together
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.outbox import publish
from perisai_kit.privacy.keyring import Keyring

CONTRIBUTION_FIELDS = frozenset({"declared_income", "programmes", "employs_others", "occupations"})
BIRTH_FIELDS = frozenset({"birth_date", "sex"})


async def apply(
    session: AsyncSession,
    member: Member,
    sent: Mapping[str, Any],
    *,
    made_by: UUID,
    limits: Limits,
    keyring: Keyring,
) -> frozenset[str]:
    """Write values on a locked member, record and publish; return the fields that differ.

    Raises: what the rules refuse.
    """
    values = flatten(sent)
    changed = find_differences(member, values)
    check(member, {name: values[name] for name in changed}, limits)
    if not changed:
        return changed
    for name in changed:
        setattr(member, name, values[name])
    if "phone" in changed:
        member.phone_hash = keyring.lookup("phone", member.phone)
    if changed & BIRTH_FIELDS:
        nik = rules.read_nik(member.nik, birth_date=member.birth_date, on=member.enrolled_on)
        member.nik_warnings = rules.list_nik_warnings(nik, member.sex)
    member.version += 1
    change = MemberChange(
        member_id=member.id,
        version=member.version,
        changed=sorted(changed),
        made_by=made_by,
        made_at=clock.now(),
    )
    await queries.insert_change(session, change)
    await publish(session, MemberUpdated(member_id=member.id, changed=tuple(sorted(changed))))
    return changed


def flatten(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by column: those of the address by themselves, programmes in order."""
    values = {**sent, **(sent.get("address") or {})}
    values.pop("address", None)
    if "programmes" in values:
        values["programmes"] = rules.in_order(values["programmes"])
    return values


def find_differences(member: Member, values: Mapping[str, Any]) -> frozenset[str]:
    """Return which of these values the member's record does not have."""
    return frozenset(name for name, value in values.items() if getattr(member, name) != value)


def check(member: Member, values: Mapping[str, Any], limits: Limits) -> None:
    """Check a record as it would be with these values, which differ from it.

    Raises: what the rules refuse.
    """

    def new(name: str) -> Any:
        return values.get(name, getattr(member, name))

    problems: list[DomainError] = []
    if values.keys() & CONTRIBUTION_FIELDS:
        problems += rules.contribution_problems(
            declared_income=new("declared_income"),
            programmes=new("programmes"),
            employs_others=new("employs_others"),
            occupations=new("occupations"),
            limits=limits,
        )
    if "birth_date" in values:
        age = rules.age_problem(new("birth_date"), limits=limits, on=member.enrolled_on)
        problems += [age] if age else []
    if problems:
        raise together(problems)
