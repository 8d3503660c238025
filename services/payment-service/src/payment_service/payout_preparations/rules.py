"""Whom a run pays, and why it leaves others out. Source: docs/commissions.md, Payouts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payment_service.payout_runs.rules import OmissionReason
from perisai_kit.domain.errors import Conflict

CONFIRMED = "match"
"""The only answer of a bank on the holder of an account that lets money be sent there."""


class StatementsTaken(Conflict):
    """Another run has taken a statement just now: the step is tried again without it."""

    code = "payout_statements_taken"
    text = "Another run has taken some of these statements. Try again."
    text_id = "Sebagian rekap ini sudah diambil proses lain. Coba lagi."


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The current bank account of a payee. name_match: what the bank answered on its holder."""

    bank_account_id: UUID
    name_match: str
    frozen_until: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may pay, from an account of ours. transfer_max in rupiah."""

    transfer_max: int
    batch_max: int


def find_account_problem(
    account: AccountFacts | None, *, is_known: bool, at: datetime
) -> OmissionReason | None:
    """Return why a payee cannot be paid now; None: they can.

    is_known: whether agent-service knows the payee at all.
    """
    if not is_known:
        return OmissionReason.PAYEE_UNKNOWN
    if account is None:
        return OmissionReason.NO_ACCOUNT
    if account.frozen_until is not None and at < account.frozen_until:
        return OmissionReason.ACCOUNT_FROZEN
    if account.name_match != CONFIRMED:
        return OmissionReason.HOLDER_UNCONFIRMED
    return None


def share_out(amounts: Mapping[UUID, int], *, transfer_max: int) -> list[list[UUID]]:
    """Return who is paid in each transfer to one payee, so that none is above the limit.

    amounts: after tax, by beneficiary, in rupiah. One who alone is above it is in none: the tax
    of a payment depends on the whole of it, so nobody's is divided.
    """
    groups: list[list[UUID]] = []
    room = 0
    for id_, amount in amounts.items():
        if amount > transfer_max:
            continue
        if not groups or amount > room:
            groups.append([])
            room = transfer_max
        groups[-1].append(id_)
        room -= amount
    return groups
