"""Which notice a statement or a payout makes, and whether it is sent."""

from datetime import datetime, timedelta

from gateway.notices.rules import NoticeTemplate
from perisai_kit.domain.errors import NotFound

SENT_WITHIN = timedelta(days=7)
"""An older statement is only to be read: a gateway that begins to read the feed, or replays parked
events, must not send the months of before. Our own choice."""


class AgentWithoutAccount(NotFound):
    """The event is parked, and replayed once the account of the agent is known."""

    code = "agent_without_account"
    text = "No account is known for this agent."
    text_id = "Akun agen ini belum dikenal."


def choose_notice(
    *, amount: int, payable: int | None, is_held: bool | None
) -> tuple[NoticeTemplate, int]:
    """Return the notice about a statement, and the rupiah that it names.

    amount, payable, is_held: as in `StatementIssued`.
    """
    to_pay = max(amount, 0) if payable is None else payable
    if amount < 0:
        return NoticeTemplate.INCENTIVE_DEBT, -amount
    if amount == 0:
        return NoticeTemplate.INCENTIVE_NONE, 0
    if to_pay == 0:
        return NoticeTemplate.INCENTIVE_OFFSET, amount
    if is_held:
        return NoticeTemplate.INCENTIVE_HELD, to_pay
    return NoticeTemplate.INCENTIVE_STATED, to_pay


def is_sent(issued_at: datetime | None, *, now: datetime) -> bool:
    """Tell whether a notice about a statement is sent, and not only to be read in the app."""
    return issued_at is not None and now - issued_at <= SENT_WITHIN
