"""What the member can do about a bill."""

from collections.abc import Mapping
from enum import StrEnum

from payment_service.answers.rules import AnswerOutcome
from payment_service.bills.rules import BillStatus


class NextStep(StrEnum):
    PAY = "pay"  # at any of its virtual accounts, before it expires
    NOTHING = "nothing"  # it is paid, and pays a month
    USE_NEWER = "use_newer"  # a newer bill has replaced it
    ASK_ANEW = "ask_anew"  # it takes no money any more, or what it took pays no month


NEXT_STEPS: Mapping[BillStatus, NextStep] = {
    BillStatus.OPEN: NextStep.PAY,
    BillStatus.PAID: NextStep.NOTHING,
    BillStatus.REPLACED: NextStep.USE_NEWER,
    BillStatus.VOID: NextStep.ASK_ANEW,
    BillStatus.ENDED: NextStep.ASK_ANEW,
}
"""By the status that is shown, as long as what was paid counts."""


def find_next_step(
    status: BillStatus, *, outcome: AnswerOutcome | None, has_months: bool
) -> NextStep:
    """Return what a member can do about a bill.

    outcome: of member-service for its money; None: none yet. has_months: whether a month counts.
    A bill stays paid where its money pays no month, because that was declined, or because an ending
    withdrew all of them: a quote then says what can be billed now, if anything.
    """
    if status is BillStatus.PAID and outcome is not None and not has_months:
        return NextStep.ASK_ANEW
    return NEXT_STEPS[status]
