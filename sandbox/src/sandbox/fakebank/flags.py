"""The payments that the bank has flagged, with their status for service 26."""

from collections import OrderedDict
from dataclasses import dataclass

from snap_bi.messages import PaymentRequest
from snap_bi.profiles import BankReading

MAX_FLAGS = 100_000
_STATUS = {
    BankReading.PAID: "00",
    BankReading.REJECTED: "01",
    BankReading.REVERSED: "01",
    BankReading.TIMED_OUT: "02",
    BankReading.SUSPENDED: "03",
}
_DEFINITE = frozenset({BankReading.PAID, BankReading.REJECTED, BankReading.REVERSED})


@dataclass(frozen=True, slots=True)
class Flag:
    """One payment at the bank. status: a paymentFlagStatus."""

    request: PaymentRequest
    reading: BankReading

    @property
    def status(self) -> str:
        return _STATUS[self.reading]


class Flags:
    """The payments by partner and payment request id; the oldest are dropped."""

    def __init__(self) -> None:
        self._flags: OrderedDict[tuple[str, str], Flag] = OrderedDict()

    def record(self, partner_id: str, request: PaymentRequest, reading: BankReading) -> None:
        """Record an answer. It does not change an earlier decision."""
        key = (partner_id, request.payment_request_id)
        known = self._flags.get(key)
        if known is not None and reading not in _DEFINITE:
            return
        self._flags[key] = Flag(request, reading)
        self._flags.move_to_end(key)
        if len(self._flags) > MAX_FLAGS:
            self._flags.popitem(last=False)

    def find(self, partner_id: str, request_id: str | None, *, number: str) -> Flag | None:
        """Return the payment of this id; without one, the newest into this virtual account."""
        if request_id is not None:
            flag = self._flags.get((partner_id, request_id))
            return flag if flag is not None and _number(flag) == number else None
        return next(
            (
                flag
                for (owner, _), flag in reversed(self._flags.items())
                if owner == partner_id and _number(flag) == number
            ),
            None,
        )


def _number(flag: Flag) -> str:
    return flag.request.virtual_account_no.strip()
