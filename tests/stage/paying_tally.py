"""What has really happened in courses of payouts: kills of the worker and trouble at the bank."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stage.paying_worker import Step

from sandbox.fakebank.deliveries import Delivery
from sandbox.fakebank.plans import (
    AS_USUAL,
    INQUIRY_TROUBLES,
    REFUSALS,
    REPLIES,
    TROUBLES,
    Execution,
    Plan,
    Reply,
)
from snap_bi.codes import ResponseCode, Service

REFUSED = {(REPLIES[reply].http_status, REPLIES[reply].case_code): reply for reply in REFUSALS}
TRANSFERS = (Service.TRANSFER_INTRABANK, Service.TRANSFER_INTERBANK)


def describe(plan: Plan) -> str:
    """Name the kind of trouble of a transfer."""
    said = [
        f"reply {plan.reply}" if plan.reply is not Reply.DONE else "",
        plan.delivery if plan.delivery is not Delivery.WHOLE else "",
        f"executed {plan.execution}" if plan.execution is not Execution.NOW else "",
        "not found at first" if plan.hidden_inquiries else "",
        "returned" if plan.returns else "",
    ]
    return "sent: " + (", ".join(each for each in said if each) or "as usual")


KINDS = [
    *(f"killed {step}" for step in Step),
    *(describe(plan) for plan in TROUBLES),
    *(f"asked: {delivery}" for delivery in INQUIRY_TROUBLES),
]
"""Everything that must happen in many courses."""


@dataclass
class Tally:
    """How often each kind of kill and trouble was seen, over any number of courses."""

    courses: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def add_kill(self, step: Step) -> None:
        self.seen[f"killed {step}"] += 1

    def add_transfers(self, at_bank: Iterable[Mapping[str, Any]]) -> None:
        """Count what the bank has taken in. at_bank: as its control API lists them."""
        for each in at_bank:
            plan = Plan.model_validate(each["plan"])
            if plan != AS_USUAL:
                self.seen[describe(plan)] += 1

    def add_calls(self, log: Iterable[Mapping[str, Any]]) -> None:
        """Count the trouble of inquiries, and the transfers that the bank refused by plan."""
        for call in log:
            code = ResponseCode.parse(call["response_code"])
            if call["service"] not in TRANSFERS:
                if call["note"] is not None:
                    self.seen[f"asked: {call['note']}"] += 1
            elif code is not None and (code.http_status, code.case_code) in REFUSED:
                reply = REFUSED[code.http_status, code.case_code]
                self.seen[describe(Plan(reply=reply, execution=Execution.NEVER))] += 1

    def find_missing(self) -> list[str]:
        """Return the kinds that have never happened."""
        return [kind for kind in KINDS if not self.seen[kind]]

    def write(self) -> list[str]:
        """Return a line for each kind."""
        return [f"{self.seen[kind]:6} {kind}" for kind in KINDS]
