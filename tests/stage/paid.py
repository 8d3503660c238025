"""What must hold of payouts after the worst: asked of our tables and of the bank's own books."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from stage.paying import BALANCE, TRANSFER_MAX, PayingBank
from stage.paying_payees import Owed, Payee

from payment_service.payout_checks import COUNTS as PAYOUT_COUNTS
from payment_service.tax_checks import COUNTS as TAX_COUNTS
from perisai_kit.domain.jakarta import jakarta_date

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # the class has no parameter at run time
_ATTEMPTS = """
    SELECT transfer.external_id, transfer.status, transfer.amount, payout.payee_id
    FROM payout_transfers AS transfer JOIN payouts AS payout ON payout.id = payout_id
    WHERE payout.payee_id = ANY ($1)
"""
_PAID = """
    SELECT payout.id, item.gross, item.tax, item.beneficiary_id, payout.amount, payout.payee_id
    FROM payouts AS payout JOIN payout_items AS item ON item.payout_id = payout.id
    WHERE payout.status = 'paid' AND payout.payee_id = ANY ($1)
"""
_BOOKED = """
    SELECT transfer.external_id, booked.code, booked.business_on,
        (transfer.sent_at AT TIME ZONE 'Asia/Jakarta')::date AS sent_on
    FROM ledger_transfers AS booked JOIN payout_items AS item ON item.id = booked.cause_id
    JOIN payouts AS payout ON payout.id = item.payout_id
    JOIN payout_transfers AS transfer ON transfer.payout_id = payout.id
        AND transfer.status IN ('paid', 'returned')
    WHERE booked.code IN ('incentive_paid', 'incentive_returned') AND payout.payee_id = ANY ($1)
"""
_BALANCES = """
    SELECT account, sum(amount)::bigint AS balance FROM (
        SELECT credit_account AS account, amount FROM ledger_transfers
        UNION ALL SELECT debit_account, -amount FROM ledger_transfers) AS booked
    GROUP BY account
"""
_WITHHELD = "SELECT coalesce(sum(amount), 0)::bigint FROM withholdings"
_AT_BANK = {"paid": "executed", "returned": "returned", "failed": "not_executed"}


async def find_faults(
    connection: Connection,
    bank: PayingBank,
    owed: Owed,
    at_bank: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return what is wrong once everything is settled, one sentence each.

    connection: to the database, as its owner. owed: the payees of one run. at_bank: the transfers
    that the bank has taken since this run began.
    """
    ids = [each.id for each in owed.payees]
    attempts = await connection.fetch(_ATTEMPTS, ids)
    paid = await connection.fetch(_PAID, ids)
    balances = {row["account"]: row["balance"] for row in await connection.fetch(_BALANCES)}
    moved = _find_moved(at_bank)
    found = _compare_attempts(attempts, at_bank)
    entries = await bank.read("/entries")
    found += _compare_days(await connection.fetch(_BOOKED, ids), entries)
    for payee in owed.payees:
        found += _check_payee(payee, paid, moved, balances)
    return [*found, *await _check_sums(connection, bank, balances)]


def _find_moved(at_bank: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return what stays with each beneficiary, by account number."""
    moved: dict[str, list[int]] = defaultdict(list)
    for each in at_bank:
        if each["state"] == "executed":
            moved[each["beneficiary_account_no"]].append(each["amount"])
    return moved


def _compare_attempts(
    attempts: Sequence[asyncpg.Record], at_bank: Sequence[Mapping[str, Any]]
) -> list[str]:
    states = {each["external_id"]: each["state"] for each in at_bank}
    found = []
    for row in attempts:
        # What the bank never took in, or refused, it did not execute.
        state = states.pop(row["external_id"], "not_executed")
        if _AT_BANK.get(row["status"]) != state:
            found.append(f"a transfer is {row['status']} here and {state} at the bank")
    found += [f"a transfer of nobody is {state} at the bank" for state in states.values()]
    return found


def _compare_days(
    booked: Sequence[asyncpg.Record], entries: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Compare the days of the ledger with those of the bank's own bookings.

    A transfer whose own answer says no day is booked on the day it was sent, which can be the one
    before; a return without one on the day on which it was learnt.
    """
    days = {
        (each["external_id"], each["type"]): jakarta_date(datetime.fromisoformat(each["booked_at"]))
        for each in entries
    }
    found = []
    for row in booked:
        is_paid = row["code"] == "incentive_paid"
        day = days.get((row["external_id"], "debit" if is_paid else "credit"))
        on = row["business_on"]
        if day is None or not (on in (day, row["sent_on"]) if is_paid else on >= day):
            found.append(f"{row['code']} is booked on {on}, and the bank says {day}")
    return found


def _check_payee(
    payee: Payee,
    paid: Sequence[asyncpg.Record],
    moved: Mapping[str, list[int]],
    balances: Mapping[str, int],
) -> list[str]:
    of_payee = [row for row in paid if row["payee_id"] == payee.id]
    amounts = {row["id"]: row["amount"] for row in of_payee}
    received = moved.get(payee.account_no, [])
    found = []
    if sorted(received) != sorted(amounts.values()):
        found.append("a payee received something else than was paid")
    if any(amount > TRANSFER_MAX for amount in received):
        found.append("a payee received more at once than a transfer may carry")
    if sum(row["gross"] - row["tax"] for row in of_payee) != sum(amounts.values()):
        found.append("payouts are not their gross less their tax")
    for earner in payee.earners:
        gross = sum(row["gross"] for row in of_payee if row["beneficiary_id"] == earner.id)
        if gross != earner.owed:
            found.append(f"an earner is paid {gross} and owed {earner.owed}")
        if balances.get(f"incentive_payable:{earner.id}", 0) != 0:
            found.append("the ledger still owes what was paid")
    return found


async def _check_sums(
    connection: Connection, bank: PayingBank, balances: Mapping[str, int]
) -> list[str]:
    """Compare the sums of all runs together."""
    accounts = await bank.read("/paying-accounts")
    left_us = sum(BALANCE - each["balance"] for each in accounts)
    withheld = await connection.fetchval(_WITHHELD)
    payable = sum(each for name, each in balances.items() if name.startswith("tax_payable:"))
    found = []
    if balances.get("operating_bank", 0) != left_us:
        found.append("the ledger and the bank disagree on what was paid")
    if withheld != payable:
        found.append("the tax payable is not what was withheld")
    for what, query in {**TAX_COUNTS, **PAYOUT_COUNTS}.items():
        count = await connection.fetchval(query)
        found += [f"{count} {what}"] if count else []
    return found
