"""The events of payment-service: bills, payments and incentive statements."""

from typing import ClassVar, Literal
from uuid import UUID

from perisai_kit.events.envelope import Event, Fact
from perisai_kit.http.types import (
    Code,
    Count,
    Instant,
    MonthText,
    PositiveRupiah,
    Rupiah,
    SignedRupiah,
)

Programme = Literal["jkk", "jkm", "jht"]
Payer = Literal["self", "sponsor", "government"]
BeneficiaryKind = Literal["agent", "wadah"]
PayeeKind = Literal["agent", "wadah"]


class BillIssued(Event):
    """A bill was issued. It belongs to one order for ever."""

    type: ClassVar[str] = "bill.issued.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    order_id: UUID
    member_id: UUID
    first_month: MonthText
    month_count: Count
    amount: Rupiah
    expires_at: Instant


class BillReplaced(Event):
    """A new bill of the member took the place of an open one."""

    type: ClassVar[str] = "bill.replaced.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    replaced_by: UUID


class BillVoided(Event):
    """An open bill was withdrawn."""

    type: ClassVar[str] = "bill.voided.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    reason_code: Code


class BillEnded(Event):
    """A bill ended without a payment."""

    type: ClassVar[str] = "bill.ended.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID


class SettledLine(Fact):
    """One contribution month of one programme in a payment. `relief`: the part waived by law."""

    month: MonthText
    programme: Programme
    amount: Rupiah
    relief: Rupiah


class PaymentSettled(Event):
    """Money of a payment was allocated to a bill of one member.

    `issued_at` is of the bill. `counts_at` decides order, cover, month and earner; `received_at` is
    when payment-service allocated the money. `paying_account`: a keyed hash of the account that
    paid; null where the bank names none, for money out of suspense, and in events of before.
    """

    type: ClassVar[str] = "payment.settled.v1"
    subject_field: ClassVar[str] = "member_id"

    allocation_id: UUID
    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    partner_id: UUID
    amount: Rupiah
    issued_at: Instant
    counts_at: Instant
    received_at: Instant
    payer: Payer
    lines: tuple[SettledLine, ...]
    paying_account: Code | None = None


class AllocationReversed(Event):
    """Money allocated to a bill was taken back. The allocation stands until `reversed_at`."""

    type: ClassVar[str] = "allocation.reversed.v1"
    subject_field: ClassVar[str] = "member_id"

    allocation_id: UUID
    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    amount: Rupiah
    reversed_at: Instant
    reason_code: Code


class StatementIssued(Event):
    """A month was closed with this amount for one agent or wadah; negative: a debt.

    payable: the part of the amount beyond a debt. is_held: it waits for a decision. They and
    `issued_at` are null in events of before.
    """

    type: ClassVar[str] = "statement.issued.v1"
    subject_field: ClassVar[str] = "beneficiary_id"

    statement_id: UUID
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    wadah_id: UUID
    month: MonthText
    amount: SignedRupiah
    payable: Rupiah | None = None
    is_held: bool | None = None
    issued_at: Instant | None = None


class _Payout(Event):
    """A payout of what statements through a month owed. `amount`: what was sent, after tax."""

    subject_field: ClassVar[str] = "payee_id"

    payout_id: UUID
    run_id: UUID
    payee_kind: PayeeKind
    payee_id: UUID
    month: MonthText
    amount: Rupiah
    statement_count: Count


class PayoutPaid(_Payout):
    """The bank has paid an agent or wadah what statements through a month owed, less tax.

    `amount`: what was sent, after tax.
    """

    type: ClassVar[str] = "payout.paid.v1"


class PayoutFailed(_Payout):
    """The bank has not executed a payout. An officer tries it again or gives it up."""

    type: ClassVar[str] = "payout.failed.v1"

    reason_code: Code


class PayoutReturned(_Payout):
    """The bank gave the money of a payout back. Its statements will be paid by a later run."""

    type: ClassVar[str] = "payout.returned.v1"

    reason_code: Code


class _PayoutForAgent(Event):
    """The part of an agent in a payout to a wadah."""

    subject_field: ClassVar[str] = "agent_id"

    payout_id: UUID
    agent_id: UUID
    wadah_id: UUID
    month: MonthText
    amount: PositiveRupiah


class PayoutPaidForAgent(_PayoutForAgent):
    """The bank has paid a wadah what statements of an agent through a month owed, less tax.

    Follows `payout.paid.v1` of the wadah, once for each agent. `month`: the agent's last one in the
    payout. `amount`: the agent's part of what was sent, after tax; there is no event of nothing.
    """

    type: ClassVar[str] = "payout.paid_for_agent.v1"


class PayoutReturnedForAgent(_PayoutForAgent):
    """The bank gave the money of a payout back that it had paid a wadah for an agent.

    Follows `payout.returned.v1` of the wadah, once for each agent. `month` and `amount`: as in
    `payout.paid_for_agent.v1`.
    """

    type: ClassVar[str] = "payout.returned_for_agent.v1"
