from typing import Any

import pytest

from payment_service.agents.rules import HeldReason
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import HoldReason
from payment_service.payees.rules import Payable, Payee, PayeeHold, PayeeKind, PayeeReason, payee_of
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import PaymentMethod

AGENT, WADAH = new_id(), new_id()
BOTH = frozenset({AGENT, WADAH})
R, H = PayeeReason, PayeeHold


def payable(of: BeneficiaryKind = BeneficiaryKind.AGENT, **differences: Any) -> Payable:
    usual = {
        "beneficiary_kind": of,
        "beneficiary_id": AGENT if of is BeneficiaryKind.AGENT else WADAH,
        "wadah_id": WADAH,
        "hold": None,
        "ended": None,
        "agreed": None,
        "scheme": PaymentMethod.WADAH,
        "accounts": BOTH,
    }
    return Payable(**{**usual, **differences})


@pytest.mark.parametrize(
    ("scheme", "agreed", "kind", "reason"),
    [
        (PaymentMethod.WADAH, None, PayeeKind.WADAH, R.SCHEME),
        (PaymentMethod.AGENTS, None, PayeeKind.AGENT, R.SCHEME),
        (PaymentMethod.WADAH, PaymentMethod.AGENTS, PayeeKind.AGENT, R.AGREEMENT),
        (PaymentMethod.AGENTS, PaymentMethod.WADAH, PayeeKind.WADAH, R.AGREEMENT),
        (PaymentMethod.WADAH, PaymentMethod.WADAH, PayeeKind.WADAH, R.AGREEMENT),
    ],
)
def test_the_agreement_decides_or_else_the_scheme(
    scheme: PaymentMethod, agreed: PaymentMethod | None, kind: PayeeKind, reason: PayeeReason
) -> None:
    found = payee_of(payable(scheme=scheme, agreed=agreed))

    assert found == Payee(kind, AGENT if kind is PayeeKind.AGENT else WADAH, reason, None)


@pytest.mark.parametrize("ended", HeldReason)
@pytest.mark.parametrize(
    ("accounts", "held"), [(BOTH, None), (frozenset({WADAH}), PayeeHold.NO_ACCOUNT)]
)
def test_agents_of_an_ended_wadah_are_paid_themselves_at_a_verified_account(
    ended: HeldReason, accounts: frozenset[Any], held: PayeeHold | None
) -> None:
    found = payee_of(payable(ended=ended, agreed=PaymentMethod.WADAH, accounts=accounts))

    assert found == Payee(PayeeKind.AGENT, AGENT, PayeeReason(ended), held)


@pytest.mark.parametrize(
    ("hold", "accounts", "held"),
    [
        (None, BOTH, None),
        (None, frozenset({AGENT}), H.NO_ACCOUNT),
        (HoldReason.WADAH_TERMINATED, BOTH, H.WADAH_TERMINATED),
        (HoldReason.AGREEMENT_ENDED, frozenset(), H.AGREEMENT_ENDED),
    ],
)
def test_a_wadah_gets_its_own_incentive_unless_it_is_held(
    hold: HoldReason | None, accounts: frozenset[Any], held: PayeeHold | None
) -> None:
    found = payee_of(payable(BeneficiaryKind.WADAH, hold=hold, accounts=accounts))

    assert found == Payee(PayeeKind.WADAH, WADAH, PayeeReason.OWN, held)


@pytest.mark.parametrize("hold", HoldReason)
def test_what_is_held_is_paid_to_nobody(hold: HoldReason) -> None:
    found = payee_of(payable(hold=hold, agreed=PaymentMethod.AGENTS))

    assert (found.id, found.held_reason) == (AGENT, PayeeHold(hold))


@pytest.mark.parametrize("agreed", PaymentMethod)
def test_nobody_is_paid_without_a_verified_account(agreed: PaymentMethod) -> None:
    found = payee_of(payable(agreed=agreed, accounts=frozenset()))

    assert found.held_reason is PayeeHold.NO_ACCOUNT
