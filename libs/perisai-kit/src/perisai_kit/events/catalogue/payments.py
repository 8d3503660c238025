"""The events of payment-service: bills, payments and incentive statements."""

from typing import ClassVar, Literal
from uuid import UUID

from perisai_kit.events.envelope import Event, Fact
from perisai_kit.http.types import Code, Count, Instant, MonthText, Rupiah, SignedRupiah

Programme = Literal["jkk", "jkm", "jht"]
Payer = Literal["self", "sponsor", "government"]
BeneficiaryKind = Literal["agent", "wadah"]


class BillIssued(Event):
    """A bill was issued."""

    type: ClassVar[str] = "bill.issued.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    first_month: MonthText
    month_count: Count
    amount: Rupiah
    expires_at: Instant


class BillCancelled(Event):
    """A bill was withdrawn before it was paid."""

    type: ClassVar[str] = "bill.cancelled.v1"
    subject_field: ClassVar[str] = "member_id"

    bill_id: UUID
    member_id: UUID
    reason_code: Code


class BillExpired(Event):
    """A bill expired without a payment."""

    type: ClassVar[str] = "bill.expired.v1"
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
    """A payment was booked.

    `issued_at` is of its bill. `paid_at` comes from the bank, `received_at` from payment-service.
    """

    type: ClassVar[str] = "payment.settled.v1"
    subject_field: ClassVar[str] = "member_id"

    payment_id: UUID
    bill_id: UUID
    member_id: UUID
    partner_id: UUID
    amount: Rupiah
    issued_at: Instant
    paid_at: Instant
    received_at: Instant
    payer: Payer
    lines: tuple[SettledLine, ...]


class StatementIssued(Event):
    """A month was closed with this amount for one agent or wadah; negative: a debt."""

    type: ClassVar[str] = "statement.issued.v1"
    subject_field: ClassVar[str] = "beneficiary_id"

    statement_id: UUID
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    wadah_id: UUID
    month: MonthText
    amount: SignedRupiah
