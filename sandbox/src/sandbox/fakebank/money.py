"""The money of the bank's customers: balances of our paying accounts, transfers, bookings."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from sandbox.fakebank.plans import Execution, Plan
from snap_bi.bank_statements import EntryType
from snap_bi.transfer_rules import InterbankRoute

MAX_TRANSFERS = 100_000


class State(StrEnum):
    """What has become of a transfer."""

    WAITING = "waiting"  # is executed late
    EXECUTED = "executed"
    RETURNED = "returned"
    NOT_EXECUTED = "not_executed"


class Transfer(BaseModel):
    """One request that was taken. Amounts in rupiah. route: at banks that let us choose."""

    partner_id: str
    service: str
    external_id: str
    partner_reference_no: str
    account_no: str
    beneficiary_account_no: str
    bank_code: str | None
    route: InterbankRoute | None = None
    amount: int
    remark: str
    requested_at: datetime
    arrived_at: datetime
    reference_no: str
    plan: Plan
    state: State = State.WAITING
    inquiries: int = 0


class Entry(BaseModel):
    """One booking on a paying account. balance: after it."""

    account_no: str
    type: EntryType
    amount: int
    balance: int
    booked_at: datetime
    remark: str
    external_id: str


class _Stored(BaseModel):
    balances: dict[str, int] = {}
    transfers: list[Transfer] = []
    entries: list[Entry] = []


class MoneyBook:
    """Kept in a file after each change, so that the bank may be stopped and started.

    A second transfer with the same partnerReferenceNo and a new X-EXTERNAL-ID is executed again, as
    at a bank that does not promise otherwise: a double payment shows.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stored = _Stored()
        if path is not None and path.exists():
            self._stored = _Stored.model_validate_json(path.read_bytes())

    def open(self, account_no: str, *, balance: int) -> None:
        """Open a paying account, or set its balance."""
        self._stored.balances[account_no] = balance
        self._store()

    def balances(self, *, now: datetime) -> dict[str, int]:
        """Return the balance of each paying account, in rupiah."""
        self.execute_waiting(now)
        return dict(self._stored.balances)

    def transfers(self, *, now: datetime) -> Sequence[Transfer]:
        """Return all transfers, the first first."""
        self.execute_waiting(now)
        return list(self._stored.transfers)

    def entries(self, account_no: str | None = None, *, now: datetime) -> Sequence[Entry]:
        """Return the bookings on one account or on all, the first first."""
        self.execute_waiting(now)
        return [each for each in self._stored.entries if account_no in (None, each.account_no)]

    def find(self, partner_id: str, external_id: str) -> Transfer | None:
        """Return the transfer that a partner requested under this X-EXTERNAL-ID."""
        return next(
            (
                each
                for each in reversed(self._stored.transfers)
                if (each.partner_id, each.external_id) == (partner_id, external_id)
            ),
            None,
        )

    def record(self, transfer: Transfer) -> None:
        """Take a transfer, and execute it as its plan says."""
        self._stored.transfers.append(transfer)
        if len(self._stored.transfers) > MAX_TRANSFERS:
            del self._stored.transfers[0]
        match transfer.plan.execution:
            case Execution.NOW:
                self._execute(transfer)
            case Execution.NEVER:
                transfer.state = State.NOT_EXECUTED
            case Execution.LATE:
                pass
        self._store()

    def count_inquiry(self, transfer: Transfer) -> int:
        """Return how often its status was asked, this time included."""
        transfer.inquiries += 1
        self._store()
        return transfer.inquiries

    def give_back(self, transfer: Transfer) -> None:
        """Return the money of an executed transfer to our account."""
        if transfer.state is not State.EXECUTED:
            return
        transfer.state = State.RETURNED
        self._book(transfer, EntryType.CREDIT, f"RETUR {transfer.remark}")
        self._store()

    def execute_waiting(self, now: datetime) -> None:
        """Execute the late transfers whose time has come."""
        for transfer in self._stored.transfers:
            due = transfer.arrived_at + timedelta(seconds=transfer.plan.late_s)
            if transfer.state is State.WAITING and due <= now:
                self._execute(transfer)
                self._store()

    def _execute(self, transfer: Transfer) -> None:
        transfer.state = State.EXECUTED
        self._book(transfer, EntryType.DEBIT, f"TRSF E-BANKING DB {transfer.remark}")
        if transfer.plan.returns:
            self.give_back(transfer)

    def _book(self, transfer: Transfer, kind: EntryType, remark: str) -> None:
        sign = 1 if kind is EntryType.CREDIT else -1
        balance = self._stored.balances[transfer.account_no] + sign * transfer.amount
        self._stored.balances[transfer.account_no] = balance
        self._stored.entries.append(
            Entry(
                account_no=transfer.account_no,
                type=kind,
                amount=transfer.amount,
                balance=balance,
                # The time of the request, so that it is on the day that the platform expects.
                booked_at=transfer.requested_at,
                remark=remark,
                external_id=transfer.external_id,
            )
        )

    def _store(self) -> None:
        if self._path is None:
            return
        scratch = self._path.with_suffix(f".{os.getpid()}.new")
        scratch.write_text(self._stored.model_dump_json(), encoding="utf-8")
        scratch.replace(self._path)
