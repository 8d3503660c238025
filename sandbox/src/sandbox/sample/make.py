"""Make the sample data through the API, with a history that ends today.

Business time is set back before the first request, moves on month by month, and ends at real time.
Whatever exists is found and left alone, so that an interrupted start goes on with it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from sandbox.demo.clients import Actor, Bank, open_client
from sandbox.demo.journey import until
from sandbox.demo.report import StepFailed
from sandbox.environment import CLOCK_FILE
from sandbox.errors import SandboxError
from sandbox.sample.offices import ATTEMPTS, Desk, ensure_application, ensure_wadah, wait_for_role
from sandbox.sample.payers import Payers, find_existing
from sandbox.sample.plan import Plan, PlannedMember, make_plan, make_small_plan
from sandbox.vault import write_private_json

SAMPLE_FILE = "sample.json"
HOUR = 9
DAY = 5
"""When things happen in a month that is over, in Jakarta."""
SETTLE_S = 30.0
"""How long the last payments may take to become coverage."""
SHOW_EVERY_S = 2.0


@dataclass(frozen=True)
class Stage:
    """Where the sample data is made.

    clock_file: the test clock that all processes follow. bank_code: of the agents' accounts.
    passwords: of the staff, by user name.
    """

    gateway_url: str
    bank_url: str
    bank_code: str
    clock_file: Path
    passwords: Mapping[str, str]


class Progress:
    """Shows how far the sample data is, at most every two seconds."""

    def __init__(self, total: int, write: Callable[[str], None], what: str = "sample data") -> None:
        self._total = total
        self._write = write
        self._what = what
        self._done = 0
        self._shown_at = clock.real_now()

    def __call__(self) -> None:
        """Count one more thing that is there."""
        self._done += 1
        now = clock.real_now()
        if now - self._shown_at >= timedelta(seconds=SHOW_EVERY_S):
            self._shown_at = now
            self._write(f"{self._what}: {self._done} of {self._total}")


@dataclass(frozen=True, slots=True)
class State:
    """How far the sample data of a folder is.

    ends_at: the present of its history. offset_s: of the test clock before and after. sign_ins:
    None while it is not complete.
    """

    small: bool
    ends_at: datetime
    offset_s: float
    sign_ins: dict[str, Any] | None

    @property
    def plan(self) -> Plan:
        return make_small_plan() if self.small else make_plan()

    def restore(self, clock_file: Path) -> None:
        """Let business time be what it was before."""
        clock.set_test_clock(clock_file, clock.real_now() + timedelta(seconds=self.offset_s))


@contextmanager
def open_sample(folder: Path, *, small: bool) -> Iterator[State]:
    """Yield how far the sample data is, with business time set back to where its history begins.

    When it is complete, time is left alone. small: one agent and one member only, without a
    history; which of the two a sandbox has is decided when it is made.
    """
    path, clock_file = folder / SAMPLE_FILE, folder / CLOCK_FILE
    if not path.exists():
        write_private_json(path, _begin(clock_file, small))
    kept = json.loads(path.read_text())
    ends_at = datetime.fromisoformat(kept["ends_at"]).astimezone(JAKARTA)
    state = State(kept["small"], ends_at, kept["offset_s"], kept["sign_ins"])
    if state.sign_ins is not None:
        yield state
        return
    try:
        clock.set_test_clock(clock_file, _instant(state, state.plan.first_month))
        yield state
    finally:
        state.restore(clock_file)


def _begin(clock_file: Path, small: bool) -> dict[str, Any]:
    offset_s = json.loads(clock_file.read_text())["offset_s"] if clock_file.exists() else 0
    ends_at = clock.real_now() + timedelta(seconds=offset_s)
    return {
        "small": small,
        "ends_at": ends_at.isoformat(),
        "offset_s": offset_s,
        "sign_ins": None,
    }


def _instant(state: State, months_ago: int) -> datetime:
    """Return when the things of a month happen; those of the present one happen now."""
    present = Month.of(state.ends_at.date())
    if months_ago:
        first = present.plus(-months_ago).first_day
        return datetime(first.year, first.month, DAY, HOUR, tzinfo=JAKARTA)
    now = (clock.real_now() + timedelta(seconds=state.offset_s)).astimezone(JAKARTA)
    return now if Month.of(now.date()) == present else state.ends_at


async def complete_sample(
    folder: Path, stage: Stage, state: State, *, write: Callable[[str], None]
) -> dict[str, Any]:
    """Return the sign-ins of the sample data, which is made first where it is not complete.

    write: takes a line of progress.
    Raises: SandboxError with the request that was refused.
    """
    if state.sign_ins is not None:
        return state.sign_ins
    plan = state.plan
    write(f"making sample data: {plan.size} members, bills and applications")
    try:
        async with open_desk(stage) as desk:
            maker = _Maker(plan, stage, desk, state, Progress(plan.size, write))
            sign_ins = await maker.make()
    except StepFailed as error:
        raise SandboxError(f"The sample data could not be made: {error}.") from None
    path = folder / SAMPLE_FILE
    write_private_json(path, {**json.loads(path.read_text()), "sign_ins": sign_ins})
    return sign_ins


@asynccontextmanager
async def open_desk(stage: Stage) -> AsyncIterator[Desk]:
    """Let the staff sign in."""
    async with open_client(stage.gateway_url) as gateway, open_client(stage.bank_url) as bank:

        async def staff(username: str) -> Actor:
            actor = Actor(gateway, device_id="sandbox-seed", attempts=ATTEMPTS)
            await actor.sign_in_with_password(username, stage.passwords[username])
            return actor

        # One after the other: the gateway checks few passwords at a time.
        yield Desk(
            gateway=gateway,
            bank=Bank(bank),
            bank_code=stage.bank_code,
            admin=await staff("admin"),
            officer=await staff("officer1"),
            second_officer=await staff("officer2"),
        )


class _Maker:
    """Goes through the months of a plan."""

    def __init__(
        self, plan: Plan, stage: Stage, desk: Desk, state: State, progress: Progress
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._desk = desk
        self._state = state
        self._present = Month.of(state.ends_at.date())
        self._progress = progress
        self._wadah_ids: list[str] = []

    async def make(self) -> dict[str, Any]:
        """Make everything, month by month, and return the sign-ins."""
        existing = await find_existing(self._desk.officer)
        payers = Payers(self._desk.bank, self._desk.officer, existing, self._progress)
        for months_ago in range(self._plan.first_month, -1, -1):
            at = _instant(self._state, months_ago)
            clock.set_test_clock(self._stage.clock_file, at)
            await self._check_clock(at)
            await self._make_month(payers, months_ago, at)
        return self._sign_ins()

    async def _check_clock(self, at: datetime) -> None:
        answered = (await self._desk.officer.get("/v1/server-time"))["now"]
        if abs(datetime.fromisoformat(answered) - at) > timedelta(hours=1):
            raise StepFailed(
                f"the platform does not follow {self._stage.clock_file}; every process needs it "
                "as PERISAI_CLOCK_FILE, or choose --small"
            )

    async def _make_month(self, payers: Payers, months_ago: int, at: datetime) -> None:
        plan, desk = self._plan, self._desk
        if months_ago == plan.first_month:
            for wadah in plan.wadahs:
                password = self._stage.passwords[wadah.sign_in]
                self._wadah_ids.append(
                    await ensure_wadah(desk, wadah, today=at.date(), password=password)
                )
        enrolled = [each for each in plan.members if each.history.enrolled == months_ago]
        await payers.enrol(enrolled, at=at)
        bills = [
            (member, bill)
            for member in plan.members
            for bill in member.history.bills
            if bill.issued == months_ago
        ]
        await self._apply(payers, months_ago, at)
        await payers.bill(bills, present=self._present, today=at.date())
        await self._settle(months_ago)
        for member in plan.members:
            if member.history.ended == months_ago:
                await self._end(member, at=at)

    async def _end(self, member: PlannedMember, *, at: datetime) -> None:
        report = {
            "id": str(uuid5(UUID(member.id), "ending")),
            "reason": "stopped_working",
            "last_day": str(at.date()),
        }
        await self._desk.officer.post(f"/v1/members/{member.id}/endings", report)

    async def _apply(self, payers: Payers, months_ago: int, at: datetime) -> None:
        applications = [each for each in self._plan.applications if each.applied == months_ago]

        async def one(index: int) -> Actor:
            planned = applications[index]
            applicant = await ensure_application(
                self._desk, planned, wadah_id=self._wadah_ids[planned.wadah], today=at.date()
            )
            if planned.status == "active":
                await wait_for_role(applicant)
            self._progress()
            return applicant

        applicants = await asyncio.gather(*map(one, range(len(applications))))
        payers.agents += [
            applicant
            for applicant, planned in zip(applicants, applications, strict=True)
            if planned.status == "active"
        ]

    async def _settle(self, months_ago: int) -> None:
        """Wait until every payment of this month and before has become coverage.

        The next bills continue from it.
        """
        expected = {
            each.id: str(self._present.plus(-last))
            for each in self._plan.members
            if (last := each.paid_through(months_ago)) is not None
        }

        async def is_settled() -> bool:
            found = await self._desk.officer.list_all("/v1/members")
            paid_through = {each["id"]: each["paid_through"] for each in found}
            return all(paid_through.get(key) == month for key, month in expected.items())

        if await until(is_settled, wait_s=SETTLE_S) >= SETTLE_S:
            raise StepFailed("the payments did not become coverage")

    def _sign_ins(self) -> dict[str, Any]:
        wadahs = {
            wadah.sign_in: {
                "role": "wadah_admin",
                "password": self._stage.passwords[wadah.sign_in],
                "wadah_id": wadah_id,
                "email": wadah.email,
            }
            for wadah, wadah_id in zip(self._plan.wadahs, self._wadah_ids, strict=True)
        }
        agents = {each.id for each in self._plan.agents}
        people = {
            each.sign_in: {
                "role": "agent" if each.id in agents else "member",
                "phone": each.person.phone,
                "member_id": each.id,
                "standing": each.history.standing,
            }
            for each in self._plan.members
            if each.sign_in
        }
        return wadahs | people
