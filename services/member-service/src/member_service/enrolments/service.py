"""Enrol workers, one or many: write member, statements, consent and attribution together."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.asked_niks import service as asked_niks
from member_service.attributions import service as attributions
from member_service.consents import service as consents
from member_service.declarations import service as declarations
from member_service.enrolments import queries, rules
from member_service.enrolments.models import EnrolmentBatch, EnrolmentRow
from member_service.enrolments.rules import Fault, RowStatus, Verdict
from member_service.enrolments.schemas import BatchRow, NewEnrolmentBatch, NewMember
from member_service.evidence import service as evidence
from member_service.members import rules as member_rules
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import Limits, MemberNikRegistered, Stamp
from member_service.members.service import Candidate, Registered
from member_service.shared_phones import service as shared_phones
from member_service.shared_phones.rules import PhoneMembersFull
from member_service.shared_phones.service import Newcomer
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, Invalid, together
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.http.answers.body_rules import read_readable
from perisai_kit.http.validation import build_field_problems
from perisai_kit.privacy.keyring import Keyring

ROW_INVALID = Invalid.code


@dataclass(frozen=True, slots=True)
class Desk:
    """The context of enrolments: account, branch, limits and keys."""

    stamp: Stamp
    limits: Limits
    keyring: Keyring


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that is readable and has no fault of its own."""

    row: int
    form: NewMember
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class BatchResult:
    batch: EnrolmentBatch
    rows: Sequence[EnrolmentRow]


def make_desk(principal: Principal, *, limits: Limits, keyring: Keyring) -> Desk:
    """Return the desk of an agent, or of an officer of one branch.

    Raises: BranchScopeRequired.
    """
    scope = principal.scope
    if scope is None or scope.kind is not ScopeKind.BRANCH or not scope.code or not scope.region:
        raise rules.BranchScopeRequired
    is_agent = principal.has(Role.AGENT)
    if is_agent and (principal.agent_id is None or principal.wadah_id is None):
        raise rules.BranchScopeRequired
    now = clock.now()
    stamp = Stamp(
        account_id=principal.account_id,
        branch_code=scope.code,
        region_code=scope.region,
        agent_id=principal.agent_id if is_agent else None,
        wadah_id=principal.wadah_id if is_agent else None,
        on=jakarta_date(now),
        at=now,
    )
    return Desk(stamp, limits, keyring)


async def enrol(
    session: AsyncSession, *, form: NewMember, desk: Desk, principal: Principal
) -> Member:
    """Register one worker.

    Raises: TooManyKnownNiks, MemberNikRegistered, MemberIdTaken, PhoneMembersFull, or the problems
    that the rules find.
    """
    candidate, problems = judge(form, form.id or new_id(), desk)
    if problems or candidate is None:
        raise together(problems)
    await _check_known_niks(session, desk)
    registered = await _register(session, [Entry(0, form, candidate)], desk)
    taken = registered.taken.get(candidate.id)
    if taken is not None:
        raise taken(field=_get_taken_field(taken))
    return await members.see(session, member_id=candidate.id, viewer=principal)


async def enrol_batch(session: AsyncSession, *, new: NewEnrolmentBatch, desk: Desk) -> BatchResult:
    """Judge every row, register those that pass, and store the verdicts.

    A repeated batch gets the first verdicts and changes nothing.
    Raises: BatchIdReused when the id came with other rows, or from another account;
    TooManyKnownNiks.
    """
    content_hash = desk.keyring.lookup("enrolment_batch", _make_canonical(new.rows))
    verdicts, entries = _judge_rows(new.rows, desk)
    batch = _make_batch(new.batch_id, content_hash, desk.stamp)
    if await insert_once(session, batch) is None:
        return await _replay(session, new.batch_id, content_hash, desk.stamp.account_id)
    if entries:
        await _check_known_niks(session, desk)
        registered = await _register(session, entries, desk)
        refused = [each.candidate for each in entries if each.candidate.id in registered.taken]
        await record_known_niks(
            session,
            account_id=desk.stamp.account_id,
            nik_hashes={each.nik_hash for each in refused if each.id not in registered.own},
            limits=desk.limits,
        )
        verdicts += [_make_verdict(entry, registered) for entry in entries]
    verdicts.sort(key=lambda verdict: verdict.row)
    await queries.insert_rows(session, [_make_verdict_row(new.batch_id, each) for each in verdicts])
    return await _load_result(session, new.batch_id)


async def _check_known_niks(session: AsyncSession, desk: Desk) -> None:
    limit = desk.limits.known_niks_a_day
    await asked_niks.check_limit(session, account_id=desk.stamp.account_id, limit=limit)


async def record_known_niks(
    session: AsyncSession, *, account_id: UUID, nik_hashes: Collection[bytes], limits: Limits
) -> None:
    """Record NIKs whose refusal shows an account that somebody has them, or a full number.

    What refuses a person who is not registered counts too: otherwise it would tell the same.
    Raises: TooManyKnownNiks, which is answered instead.
    """
    limit = limits.known_niks_a_day
    await asked_niks.record(session, account_id=account_id, nik_hashes=nik_hashes, limit=limit)


async def get_batch(session: AsyncSession, *, batch_id: UUID, viewer: Principal) -> BatchResult:
    """Return a batch with its verdicts.

    Raises: BatchNotFound.
    """
    found = await _load_result(session, batch_id)
    if not _may_see(found.batch, viewer):
        raise rules.BatchNotFound
    return found


def judge(
    form: NewMember, member_id: UUID, desk: Desk
) -> tuple[Candidate | None, list[DomainError]]:
    """Return the candidate of a form, or all problems of the form."""
    stamp = desk.stamp
    problems = rules.find_problems(form, limits=desk.limits, at=stamp.at, on=stamp.on)
    if problems:
        return None, problems
    nik = member_rules.read_nik(form.nik, birth_date=form.birth_date, on=stamp.on)
    nik_hash = desk.keyring.lookup("nik", nik.text)
    return Candidate(member_id, form, nik, nik_hash, attribution_id=new_id()), []


def _judge_rows(rows: Sequence[Any], desk: Desk) -> tuple[list[Verdict], list[Entry]]:
    verdicts: list[Verdict] = []
    entries: list[Entry] = []
    niks: set[bytes] = set()
    ids: set[UUID] = set()
    for row, raw in enumerate(rows):
        entry = _judge_row(row, raw, desk)
        if isinstance(entry, Entry):
            entry = _check_not_repeated(entry, niks, ids)
        if isinstance(entry, Verdict):
            verdicts.append(entry)
            continue
        niks.add(entry.candidate.nik_hash)
        ids.add(entry.candidate.id)
        entries.append(entry)
    return verdicts, entries


def _judge_row(row: int, raw: Any, desk: Desk) -> Entry | Verdict:
    try:
        form = BatchRow.model_validate(raw)
    except ValidationError as error:
        faults = _list_faults(row, error, raw)
        faults += _find_more_faults(row, raw, faults, desk)
        shown = faults[: rules.ERRORS_SHOWN]
        return Verdict(row, _read_id(raw), RowStatus.REFUSED, ROW_INVALID, shown)
    candidate, problems = judge(form, form.id, desk)
    if problems or candidate is None:
        return rules.make_refusal(row, form.id, problems)
    return Entry(row, form, candidate)


def _check_not_repeated(entry: Entry, niks: set[bytes], ids: set[UUID]) -> Entry | Verdict:
    candidate = entry.candidate
    if candidate.nik_hash in niks:
        problem = rules.NikRepeated(field="nik")
        return rules.make_refusal(entry.row, candidate.id, [problem], duplicate=True)
    if candidate.id in ids:
        return rules.make_refusal(entry.row, candidate.id, [rules.RowIdRepeated(field="id")])
    return entry


def _list_faults(row: int, error: ValidationError, content: Any) -> list[Fault]:
    raw: list[Any] = list(error.errors(include_url=False))
    raw = raw[: rules.ERRORS_SHOWN]
    prefix = ("body", "rows", row)
    english = build_field_problems(raw, language="en", prefix=prefix, content=content)
    indonesian = build_field_problems(raw, language="id", prefix=prefix, content=content)
    return [
        Fault(one["pointer"], one["code"], one["detail"], other["detail"])
        for one, other in zip(english, indonesian, strict=True)
    ]


def _find_more_faults(row: int, raw: Any, found: Sequence[Fault], desk: Desk) -> list[Fault]:
    """Return what the rules refuse of the readable fields of a row with others of a wrong form."""
    form = read_readable(BatchRow, raw)
    if form is None:
        return []
    problems = rules.find_problems(form, limits=desk.limits, at=desk.stamp.at, on=desk.stamp.on)
    wrong = {fault.pointer for fault in found}
    more = [rules.make_fault(row, problem) for problem in problems]
    return [fault for fault in more if fault.pointer not in wrong]


def _read_id(raw: Any) -> UUID | None:
    text = raw.get("id") if isinstance(raw, dict) else None
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


async def _register(session: AsyncSession, entries: Sequence[Entry], desk: Desk) -> Registered:
    full = await _find_without_room(session, entries, desk)
    candidates = [entry.candidate for entry in entries if entry.candidate.id not in full]
    registered = Registered(frozenset(), {}, frozenset())
    if candidates:
        registered = await members.register(session, candidates, desk.stamp, keyring=desk.keyring)
    if full:
        refused = {**registered.taken, **dict.fromkeys(full, PhoneMembersFull)}
        registered = replace(registered, taken=refused)
    made = [entry for entry in entries if entry.candidate.id in registered.ids]
    if made:
        declared = {each.candidate.id: each.form.work_declaration for each in made}
        await declarations.record(session, declared, desk.stamp)
        consented = {each.candidate.id: each.form.consent for each in made}
        await consents.record(session, consented, desk.stamp)
        enrolled = {each.candidate.id: each.candidate.attribution_id for each in made}
        await attributions.record_first(session, enrolled, desk.stamp)
        given = {
            each.candidate.id: (each.form.new_to_bpu, each.form.new_to_bpu_basis) for each in made
        }
        await evidence.record_first(session, given, desk.stamp)
    return registered


async def _find_without_room(
    session: AsyncSession, entries: Sequence[Entry], desk: Desk
) -> frozenset[UUID]:
    newcomers = [
        Newcomer(
            entry.candidate.id,
            entry.candidate.nik_hash,
            desk.keyring.lookup("phone", entry.form.phone),
        )
        for entry in entries
    ]
    stamp = desk.stamp
    return await shared_phones.find_without_room(
        session,
        newcomers,
        agent_account=stamp.account_id if stamp.agent_id else None,
        limits=desk.limits,
    )


def _make_verdict(entry: Entry, registered: Registered) -> Verdict:
    member_id = entry.candidate.id
    taken = registered.taken.get(member_id)
    if taken is None:
        return Verdict(entry.row, member_id, RowStatus.ACCEPTED, member_id=member_id)
    is_duplicate = taken is MemberNikRegistered
    faults = [rules.make_fault(entry.row, taken(field=_get_taken_field(taken)))]
    return Verdict(
        entry.row,
        member_id,
        RowStatus.DUPLICATE if is_duplicate else RowStatus.REFUSED,
        taken.code,
        faults,
        # The client sent both id and NIK, so this reveals nothing about other people.
        member_id=member_id if member_id in registered.own else None,
    )


def _get_taken_field(taken: type[DomainError]) -> str:
    fields: dict[type[DomainError], str] = {MemberNikRegistered: "nik", PhoneMembersFull: "phone"}
    return fields.get(taken, "id")


def _make_canonical(rows: Sequence[Any]) -> str:
    return json.dumps(rows, sort_keys=True, separators=(",", ":"))


def _make_batch(batch_id: UUID, content_hash: bytes, stamp: Stamp) -> EnrolmentBatch:
    return EnrolmentBatch(
        id=batch_id,
        account_id=stamp.account_id,
        agent_id=stamp.agent_id,
        branch_code=stamp.branch_code,
        region_code=stamp.region_code,
        content_hash=content_hash,
        received_at=stamp.at,
    )


def _make_verdict_row(batch_id: UUID, verdict: Verdict) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "row": verdict.row,
        "row_id": verdict.row_id,
        "status": verdict.status,
        "code": verdict.code,
        "errors": [asdict(each) for each in verdict.errors],
        "member_id": verdict.member_id,
    }


async def _replay(
    session: AsyncSession, batch_id: UUID, content_hash: bytes, account_id: UUID
) -> BatchResult:
    first = await _load_result(session, batch_id)
    if (first.batch.account_id, first.batch.content_hash) != (account_id, content_hash):
        raise rules.BatchIdReused(field="batch_id")
    return first


async def _load_result(session: AsyncSession, batch_id: UUID) -> BatchResult:
    batch = await queries.find_batch(session, batch_id)
    if batch is None:
        raise rules.BatchNotFound
    return BatchResult(batch, await queries.list_rows(session, batch_id))


def _may_see(batch: EnrolmentBatch, viewer: Principal) -> bool:
    if viewer.account_id == batch.account_id:
        return True
    if viewer.has(Role.AGENT) and viewer.agent_id and viewer.agent_id == batch.agent_id:
        return True
    if viewer.has(Role.ADMIN) and viewer.scope is None:
        return True
    return viewer.has(Role.BRANCH_OFFICER, Role.ADMIN) and viewer.covers(
        branch_code=batch.branch_code, region_code=batch.region_code
    )


def count_verdicts(result: BatchResult) -> dict[RowStatus, int]:
    """Return how many rows got each verdict."""
    return {status: sum(row.status is status for row in result.rows) for status in RowStatus}
