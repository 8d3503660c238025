"""What the member can do about a bill."""

from collections.abc import Mapping
from enum import StrEnum

from payment_service.bills.rules import BillStatus


class NextStep(StrEnum):
    PAY = "pay"  # at any of its virtual accounts, before it expires
    NOTHING = "nothing"  # it is paid
    USE_NEWER = "use_newer"  # a newer bill has replaced it
    ASK_ANEW = "ask_anew"  # it takes no money any more


NEXT_STEPS: Mapping[BillStatus, NextStep] = {
    BillStatus.OPEN: NextStep.PAY,
    BillStatus.PAID: NextStep.NOTHING,
    BillStatus.REPLACED: NextStep.USE_NEWER,
    BillStatus.VOID: NextStep.ASK_ANEW,
    BillStatus.ENDED: NextStep.ASK_ANEW,
}
"""By the status that is shown."""
