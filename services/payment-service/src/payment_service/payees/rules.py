"""Who is paid what a statement owes. Source: docs/commissions.md, Payees."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from payment_service.agents.rules import HeldReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import HoldReason
from perisai_kit.domain.programmes import PaymentMethod


class PayeeKind(StrEnum):
    AGENT = "agent"
    WADAH = "wadah"


class PayeeReason(StrEnum):
    """Why this one is paid. own: a wadah's own incentive."""

    OWN = "own"
    SCHEME = "scheme"
    AGREEMENT = "agreement"
    WADAH_TERMINATED = "wadah_terminated"
    AGREEMENT_ENDED = "agreement_ended"


class PayeeHold(StrEnum):
    """Why nothing is paid out for now. no_account: the payee has no verified bank account.

    The others are reasons of a hold that is open, or that ended with forfeiture.
    """

    FRAUD = HoldReason.FRAUD.value
    CRIME = HoldReason.CRIME.value
    GRATIFICATION = HoldReason.GRATIFICATION.value
    WADAH_TERMINATED = HoldReason.WADAH_TERMINATED.value
    AGREEMENT_ENDED = HoldReason.AGREEMENT_ENDED.value
    NO_ACCOUNT = "no_account"


@dataclass(frozen=True, slots=True)
class Payable:
    """A statement, and what decides who is paid.

    wadah_id: of the beneficiary at the close. hold: why it is held or was forfeited. ended: why the
    wadah had no agreement at the close; None: it had one. agreed: what that agreement says; None:
    nothing. scheme: what the scheme of the month says. accounts: those of beneficiary and wadah
    with a verified bank account now.
    """

    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    wadah_id: UUID
    hold: HoldReason | None
    ended: HeldReason | None
    agreed: PaymentMethod | None
    scheme: PaymentMethod
    accounts: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Payee:
    """held_reason: None where it can be paid out."""

    kind: PayeeKind
    id: UUID
    reason: PayeeReason
    held_reason: PayeeHold | None


def payee_of(payable: Payable) -> Payee:
    """Return who is paid what a statement owes.

    A wadah gets its own incentive. The agents of a wadah whose cooperation had ended are paid
    themselves. Otherwise the agreement decides, or the scheme. Nobody is paid what is held, nor
    without a verified bank account.
    """
    kind, id_, reason = _choose(payable)
    held = None if id_ in payable.accounts else PayeeHold.NO_ACCOUNT
    if payable.hold is not None:
        held = PayeeHold(payable.hold)
    return Payee(kind, id_, reason, held)


def _choose(payable: Payable) -> tuple[PayeeKind, UUID, PayeeReason]:
    match payable.beneficiary_kind:
        case BeneficiaryKind.WADAH:
            return PayeeKind.WADAH, payable.beneficiary_id, PayeeReason.OWN
        case BeneficiaryKind.AGENT:
            if payable.ended is not None:
                return PayeeKind.AGENT, payable.beneficiary_id, PayeeReason(payable.ended)
        case _:
            assert_never(payable.beneficiary_kind)
    reason = PayeeReason.SCHEME if payable.agreed is None else PayeeReason.AGREEMENT
    match payable.agreed or payable.scheme:
        case PaymentMethod.WADAH:
            return PayeeKind.WADAH, payable.wadah_id, reason
        case PaymentMethod.AGENTS:
            return PayeeKind.AGENT, payable.beneficiary_id, reason
