"""What the bank does with the next transfers: as ordered, or by a seeded random plan."""

import random
from collections import deque
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from perisai_kit.http.types import Model
from sandbox.fakebank.deliveries import Delivery
from snap_bi.codes import Case


class Execution(StrEnum):
    NOW = "now"
    LATE = "late"  # after `late_s`, when the platform may have given up
    NEVER = "never"


class Reply(StrEnum):
    """The content of the answer to a transfer."""

    DONE = "done"
    PENDING = "pending"  # 202; service 36 says 03 a while, then 00 or 06
    ERROR = "error"  # 500
    TIMEOUT = "timeout"  # 504, with a code
    BUSY = "busy"  # 429
    FUNDS = "funds"  # insufficient funds
    NO_BI_FAST = "no_bi_fast"  # BCA: BI-FAST is not available at the bank of the beneficiary
    OTHER_REFERENCE = "other_reference"  # a success of another transfer


REPLIES = {
    Reply.PENDING: Case.IN_PROGRESS,
    Reply.ERROR: Case.INTERNAL_ERROR,
    Reply.TIMEOUT: Case.TIMEOUT,
    Reply.BUSY: Case.TOO_MANY_REQUESTS,
    Reply.FUNDS: Case.INSUFFICIENT_FUNDS,
    Reply.NO_BI_FAST: Case.TRANSACTION_NOT_PERMITTED,
}
REFUSALS = frozenset({Reply.BUSY, Reply.FUNDS, Reply.NO_BI_FAST})
LATE_S = 2.0
LateS = Annotated[float, Field(ge=0, le=3600)]
_Count = Annotated[int, Field(ge=0, le=100)]


class Plan(Model):
    """What happens to one transfer. A success that is delivered whole is executed now."""

    execution: Execution = Execution.NOW
    reply: Reply = Reply.DONE
    delivery: Delivery = Delivery.WHOLE
    late_s: LateS = LATE_S
    pending_inquiries: _Count = Field(
        default=0, description="How many inquiries service 36 answers with pending."
    )
    hidden_inquiries: _Count = Field(
        default=0, description="How many inquiries service 36 answers with not found (07)."
    )
    returns: bool = Field(default=False, description="Whether the money comes back at once.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.reply in REFUSALS and self.execution is not Execution.NEVER:
            raise ValueError("a refused transfer is never executed")
        arrives = self.delivery in (Delivery.WHOLE, Delivery.TWICE)
        if self.reply is Reply.DONE and arrives and self.execution is not Execution.NOW:
            raise ValueError("a success that arrives is executed now")
        return self


AS_USUAL = Plan()
TROUBLES: tuple[Plan, ...] = (
    Plan(delivery=Delivery.SILENCE),
    Plan(delivery=Delivery.SILENCE, execution=Execution.NEVER),
    Plan(delivery=Delivery.SILENCE, execution=Execution.LATE),
    Plan(delivery=Delivery.SILENCE, hidden_inquiries=2),
    Plan(delivery=Delivery.GARBAGE),
    Plan(delivery=Delivery.GARBAGE, execution=Execution.NEVER),
    Plan(delivery=Delivery.HANG_UP),
    Plan(delivery=Delivery.HANG_UP, execution=Execution.NEVER),
    Plan(delivery=Delivery.HANG_UP, hidden_inquiries=1),
    Plan(delivery=Delivery.HALF),
    Plan(delivery=Delivery.HALF, execution=Execution.LATE),
    Plan(delivery=Delivery.TWICE),
    Plan(reply=Reply.ERROR),
    Plan(reply=Reply.ERROR, execution=Execution.NEVER),
    Plan(reply=Reply.TIMEOUT, hidden_inquiries=2),
    Plan(reply=Reply.PENDING, pending_inquiries=2),
    Plan(reply=Reply.PENDING, pending_inquiries=2, execution=Execution.NEVER),
    Plan(reply=Reply.BUSY, execution=Execution.NEVER),
    Plan(reply=Reply.FUNDS, execution=Execution.NEVER),
    Plan(reply=Reply.OTHER_REFERENCE),
    Plan(returns=True),
    Plan(returns=True, delivery=Delivery.SILENCE),
)
INQUIRY_TROUBLES = (
    Delivery.SILENCE,
    Delivery.GARBAGE,
    Delivery.HANG_UP,
    Delivery.HALF,
    Delivery.TWICE,
)


class Plans:
    """The plans in the order they were made. Those of an account come before the others."""

    def __init__(self) -> None:
        self._ordered: deque[tuple[str | None, Plan]] = deque(maxlen=10_000)
        self._random: random.Random | None = None
        self._share = 0.0
        self._late_s = LATE_S

    def add(self, plan: Plan, *, beneficiary_account_no: str | None) -> None:
        """Use a plan once: for the next transfer, or for the next one to this account."""
        self._ordered.append((beneficiary_account_no, plan))

    def randomise(self, seed: str, *, share: float, late_s: float = LATE_S) -> None:
        """Give this share of the transfers, and a third of it of the inquiries, random trouble.

        late_s: when late transfers are executed.
        """
        self._random, self._share, self._late_s = random.Random(seed), share, late_s

    def clear(self) -> None:
        """Serve everything as usual again."""
        self._ordered.clear()
        self._random = None

    def take(self, beneficiary_account_no: str) -> Plan:
        """Return the plan of a transfer that has arrived."""
        for meant in (beneficiary_account_no, None):
            for at, (account_no, plan) in enumerate(self._ordered):
                if account_no == meant:
                    del self._ordered[at]
                    return plan
        if self._random is not None and self._random.random() < self._share:
            plan = self._random.choice(TROUBLES)
            return plan.model_copy(update={"late_s": self._late_s})
        return AS_USUAL

    def take_delivery(self) -> Delivery:
        """Return how the answer to an inquiry is delivered."""
        if self._random is not None and self._random.random() < self._share / 3:
            return self._random.choice(INQUIRY_TROUBLES)
        return Delivery.WHOLE
