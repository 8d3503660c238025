"""Who may decide on a run of payouts, and whom it leaves out. Source: docs/money.md, Payouts."""

from enum import StrEnum


class RunKind(StrEnum):
    INCENTIVES = "incentives"
    TAX = "tax"


class RunStatus(StrEnum):
    """done: nothing of it is in flight, and nothing failed waits for an officer."""

    PREPARING = "preparing"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"
    DONE = "done"


class OmissionReason(StrEnum):
    """Why a run leaves out what is owed to a payee. held: by an open hold, or forfeited."""

    HELD = "held"
    NO_ACCOUNT = "no_account"
    ACCOUNT_FROZEN = "account_frozen"
    HOLDER_UNCONFIRMED = "holder_unconfirmed"
    PAYEE_UNKNOWN = "payee_unknown"
    NOTHING_LEFT = "nothing_left"
    OVER_TRANSFER_MAX = "over_transfer_max"
    BATCH_FULL = "batch_full"
