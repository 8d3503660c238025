"""Corrections of sensitive facts: proposed, confirmed by code or by two officers, then applied."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.changes import service as changes
from member_service.corrections import queries, rules
from member_service.corrections.models import Correction, CorrectionStep
from member_service.corrections.rules import CorrectionStatus, StepKind
from member_service.corrections.schemas import Approval, NewCorrection, Rejection, SensitiveFacts
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import Limits, MemberNotFound, may_read_identity
from member_service.registrations.rules import Terms
from member_service.settings import Settings
from member_service.shared_phones import service as shared_phones
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, Forbidden, PreconditionFailed, together
from perisai_kit.domain.ids import new_id
from perisai_kit.http.answers.etag import allows
from perisai_kit.privacy.keyring import Keyring

PHONE = "phone"
JUDGED_ANEW = frozenset({"birth_date"})
"""When one of these fields changes, the calendar judges the member again."""


@dataclass(frozen=True, slots=True)
class Office:
    """Settings and keys of corrections. phone_delay: counted from the notice."""

    limits: Limits
    terms: Terms
    keyring: Keyring
    valid_for: timedelta
    phone_delay: timedelta


def make_office(settings: Settings, keyring: Keyring) -> Office:
    """Return the office that the settings define."""
    return Office(
        limits=settings.limits,
        terms=settings.terms,
        keyring=keyring,
        valid_for=timedelta(days=settings.correction_valid_days),
        phone_delay=timedelta(hours=settings.phone_correction_delay_h),
    )


@dataclass(frozen=True, slots=True)
class Described:
    correction: Correction
    steps: Sequence[CorrectionStep]


@dataclass(frozen=True, slots=True, repr=False)
class Addressee:
    """The receiver of a code. No repr: it holds a telephone number."""

    correction_id: UUID
    member_id: UUID
    phone: str


async def propose(
    session: AsyncSession,
    *,
    member_id: UUID,
    new: NewCorrection,
    if_match: str,
    viewer: Principal,
    office: Office,
) -> Described:
    """Propose a change of sensitive facts. An officer's proposal is the first of two approvals.

    A repeat with the same id returns the first proposal.
    Raises: MemberNotFound, PreconditionFailed, EvidenceMissing, CorrectionUnchanged,
    CorrectionOpen, CorrectionIdTaken, and what the rules refuse.
    """
    member = await members.lock(session, member_id=member_id, viewer=viewer, or_own=True)
    if new.id is not None and (first := await queries.find(session, new.id)) is not None:
        return await _check_same(session, first, member_id, new, viewer)
    if not allows(if_match, member.version):
        raise PreconditionFailed
    is_first_approval = is_officer(viewer) and viewer.member_id != member_id
    sent = new.changes.model_dump(exclude_unset=True)
    changed = changes.find_differences(member, sent)
    refused = changes.find_problems(member, {name: sent[name] for name in changed}, office.limits)
    problems = rules.find_problems(
        refused,
        lacks_evidence=is_first_approval and new.evidence is None,
        changes_nothing=not changed,
    )
    if problems:
        raise together(problems)
    if PHONE in changed:
        await shared_phones.check_room(
            session, sent[PHONE], keyring=office.keyring, limits=office.limits
        )
    await _end_expired(session, member_id)
    row = _make_correction_row(
        member_id, new, changed, by=viewer.account_id, valid_for=office.valid_for
    )
    correction = await insert_once(session, row)
    if correction is None:
        raise rules.CorrectionIdTaken(field="id")
    _add_step(session, correction, StepKind.PROPOSED, by=viewer.account_id)
    if is_first_approval:
        _add_step(session, correction, StepKind.APPROVED, by=viewer.account_id, reason=new.evidence)
    return await _describe(session, correction)


def is_officer(viewer: Principal) -> bool:
    """Tell whether the reader decides about corrections of others."""
    return viewer.has(Role.BRANCH_OFFICER, Role.ADMIN)


def _make_correction_row(
    member_id: UUID, new: NewCorrection, changed: frozenset[str], *, by: UUID, valid_for: timedelta
) -> Correction:
    now = clock.now()
    return Correction(
        id=new.id or new_id(),
        member_id=member_id,
        fields=sorted(changed),
        changes=new.changes.model_dump_json(exclude_unset=True),
        proposed_by=by,
        proposed_at=now,
        expires_at=now + valid_for,
        status=CorrectionStatus.OPEN,
    )


async def _check_same(
    session: AsyncSession, first: Correction, member_id: UUID, new: NewCorrection, viewer: Principal
) -> Described:
    asked = new.changes.model_dump_json(exclude_unset=True)
    if (first.member_id, first.proposed_by, first.changes) != (member_id, viewer.account_id, asked):
        raise rules.CorrectionIdTaken(field="id")
    return await _describe(session, first)


async def _end_expired(session: AsyncSession, member_id: UUID) -> None:
    present = await queries.find_undecided(session, member_id)
    if present is None:
        return
    if present.status is CorrectionStatus.WAITING or clock.now() < present.expires_at:
        raise rules.CorrectionOpen(correction_id=str(present.id))
    present.status = CorrectionStatus.EXPIRED
    _add_step(session, present, StepKind.EXPIRED, by=None)
    await session.flush()


async def find_addressee(
    session: AsyncSession, *, member_id: UUID, correction_id: UUID, viewer: Principal
) -> Addressee:
    """Return where the code for an undecided correction goes: the member's present telephone.

    Raises: MemberNotFound, CorrectionNotFound, CorrectionEnded.
    """
    member = await _get_member(session, member_id, viewer)
    correction = await queries.get(session, correction_id, member_id=member_id)
    rules.check_undecided(correction.status, expires_at=correction.expires_at, now=clock.now())
    return Addressee(correction.id, member.id, member.phone)


async def confirm(
    session: AsyncSession,
    *,
    addressee: Addressee,
    viewer: Principal,
    office: Office,
) -> Described:
    """Apply a correction after the member's code was right. The gateway has used the code up.

    Raises: MemberNotFound, CorrectionNotFound, CorrectionEnded, ConfirmationCodeWrong for a number
    that has changed meanwhile, and what the rules refuse.
    """
    member, correction = await _lock_correction(
        session, addressee.member_id, addressee.correction_id, viewer
    )
    if member.phone != addressee.phone:
        raise rules.ConfirmationCodeWrong(field="code")
    _add_step(session, correction, StepKind.CONFIRMED, by=viewer.account_id)
    await _apply(session, member, correction, made_by=viewer.account_id, office=office)
    return await _describe(session, correction)


async def approve(
    session: AsyncSession,
    *,
    member_id: UUID,
    correction_id: UUID,
    new: Approval,
    officer: Principal,
    office: Office,
) -> Described:
    """Approve a correction as one of two officers, with the evidence seen.

    After the second approval it is applied; a telephone only after the notice and the delay.
    Raises: MemberNotFound, CorrectionNotFound, CorrectionEnded, CorrectionApproved, OwnRecord,
    SecondOfficerRequired, and what the rules refuse.
    """
    member, correction = await _lock_correction(session, member_id, correction_id, officer)
    if correction.status is CorrectionStatus.WAITING:
        raise rules.CorrectionApproved
    before = await queries.list_steps(session, [correction.id])
    approvers = _list_approvers(before)
    rules.check_officer(
        officer.account_id,
        member_id=member_id,
        own_member_id=officer.member_id,
        spoken={*approvers, correction.proposed_by},
    )
    _add_step(session, correction, StepKind.APPROVED, by=officer.account_id, reason=new.evidence)
    if rules.is_approved([*approvers, officer.account_id]):
        if PHONE in correction.fields:
            correction.status = CorrectionStatus.WAITING
        else:
            await _apply(session, member, correction, made_by=officer.account_id, office=office)
    return await _describe(session, correction)


async def reject(
    session: AsyncSession,
    *,
    member_id: UUID,
    correction_id: UUID,
    new: Rejection,
    viewer: Principal,
) -> Described:
    """Reject an undecided correction, as an officer, the member or its author.

    Raises: MemberNotFound, CorrectionNotFound, CorrectionEnded, Forbidden.
    """
    _, correction = await _lock_correction(session, member_id, correction_id, viewer)
    is_member = viewer.has(Role.MEMBER) and viewer.member_id == member_id
    is_own = correction.proposed_by == viewer.account_id
    if not (is_officer(viewer) or is_member or is_own):
        raise Forbidden
    correction.status = CorrectionStatus.REJECTED
    _add_step(session, correction, StepKind.REJECTED, by=viewer.account_id, reason=new.reason)
    return await _describe(session, correction)


async def describe(
    session: AsyncSession,
    *,
    member_id: UUID,
    correction_id: UUID,
    viewer: Principal,
) -> Described:
    """Return a correction. Raises: MemberNotFound, CorrectionNotFound."""
    await _get_member(session, member_id, viewer)
    return await _describe(session, await queries.get(session, correction_id, member_id=member_id))


async def list_newest(
    session: AsyncSession, *, member_id: UUID, viewer: Principal
) -> Sequence[Described]:
    """Return a member's newest corrections. Raises: MemberNotFound."""
    await _get_member(session, member_id, viewer)
    found = await queries.list_newest(session, member_id)
    steps: dict[UUID, list[CorrectionStep]] = {each.id: [] for each in found}
    for step in await queries.list_steps(session, steps):
        steps[step.correction_id].append(step)
    return [Described(each, steps[each.id]) for each in found]


async def list_waiting(
    session: AsyncSession, *, limit: int
) -> Sequence[tuple[UUID, UUID, datetime | None]]:
    """Return (id, member, due time) of corrections to announce (None) or to apply now."""
    return await queries.list_waiting(session, due_at=clock.now(), limit=limit)


async def record_notice(
    session: AsyncSession, *, member_id: UUID, correction_id: UUID, office: Office
) -> None:
    """Record the notice to the old number. The delay runs from now on."""
    await members.lock_any(session, member_id)
    correction = await queries.get(session, correction_id, member_id=member_id, lock=True)
    if correction.status is CorrectionStatus.WAITING and correction.effective_at is None:
        correction.effective_at = clock.now() + office.phone_delay
        _add_step(session, correction, StepKind.NOTIFIED, by=None)


async def apply_waiting(
    session: AsyncSession, *, member_id: UUID, correction_id: UUID, office: Office
) -> None:
    """Apply a correction whose delay is over. Reject it if the rules refuse it now."""
    member = await members.lock_any(session, member_id)
    correction = await queries.get(session, correction_id, member_id=member_id, lock=True)
    now = clock.now()
    if correction.status is not CorrectionStatus.WAITING or now < (correction.effective_at or now):
        return
    approvers = _list_approvers(await queries.list_steps(session, [correction.id]))
    try:
        await _apply(session, member, correction, made_by=approvers[-1], office=office)
    except DomainError as refused:
        correction.status = CorrectionStatus.REJECTED
        _add_step(session, correction, StepKind.REJECTED, by=None, reason=refused.text)


async def _apply(
    session: AsyncSession,
    member: Member,
    correction: Correction,
    *,
    made_by: UUID,
    office: Office,
) -> None:
    facts = SensitiveFacts.model_validate_json(correction.changes)
    if facts.phone is not None:
        await shared_phones.check_room(
            session, facts.phone, keyring=office.keyring, limits=office.limits
        )
    changed = await changes.apply(
        session,
        member,
        facts.model_dump(exclude_unset=True),
        made_by=made_by,
        limits=office.limits,
        keyring=office.keyring,
    )
    correction.status, correction.effective_at = CorrectionStatus.APPLIED, clock.now()
    _add_step(session, correction, StepKind.APPLIED, by=made_by)
    await session.flush()
    if changed & JUDGED_ANEW:
        await allocations.judge_members(session, [member.id], office.terms)


async def _get_member(session: AsyncSession, member_id: UUID, viewer: Principal) -> Member:
    member = await members.see(session, member_id=member_id, viewer=viewer)
    if not may_read_identity(viewer, member):
        raise MemberNotFound
    return member


async def _lock_correction(
    session: AsyncSession, member_id: UUID, correction_id: UUID, viewer: Principal
) -> tuple[Member, Correction]:
    member = await members.lock(session, member_id=member_id, viewer=viewer, or_own=True)
    correction = await queries.get(session, correction_id, member_id=member_id, lock=True)
    rules.check_undecided(correction.status, expires_at=correction.expires_at, now=clock.now())
    return member, correction


def _list_approvers(steps: Sequence[CorrectionStep]) -> list[UUID]:
    return [each.made_by for each in steps if each.kind is StepKind.APPROVED and each.made_by]


def _add_step(
    session: AsyncSession,
    correction: Correction,
    kind: StepKind,
    *,
    by: UUID | None,
    reason: str | None = None,
) -> None:
    step = CorrectionStep(
        id=new_id(),
        correction_id=correction.id,
        kind=kind,
        reason=reason,
        made_by=by,
        made_at=clock.now(),
    )
    session.add(step)


async def _describe(session: AsyncSession, correction: Correction) -> Described:
    await session.flush()
    return Described(correction, await queries.list_steps(session, [correction.id]))
