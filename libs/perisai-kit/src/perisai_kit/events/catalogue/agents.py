"""The events of agent-service: branches, agents, wadahs, and what both are paid by."""

from datetime import date
from typing import ClassVar, Literal, TypeAlias, get_args
from uuid import UUID

from perisai_kit.events.envelope import Event
from perisai_kit.http.types import Code, Instant

HolderKind = Literal["agent", "wadah"]
PaymentMethod = Literal["wadah", "agents"]


class BranchOpened(Event):
    """A branch office joined the platform."""

    type: ClassVar[str] = "branch.opened.v1"
    subject_field: ClassVar[str] = "branch_code"

    branch_code: Code
    region_code: Code


class _AgentAtWork(Event):
    """At work from the Jakarta day of `decided_at` on, that day included."""

    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    member_id: UUID
    wadah_id: UUID
    branch_code: Code
    region_code: Code
    agent_code: Code
    decided_at: Instant


class AgentActivated(_AgentAtWork):
    """An applicant was approved as an agent."""

    type: ClassVar[str] = "agent.activated.v1"


class AgentReinstated(_AgentAtWork):
    """A suspended agent works again."""

    type: ClassVar[str] = "agent.reinstated.v1"


class _AgentAway(Event):
    """Not at work from the day after that of `decided_at` on; access ends at once."""

    subject_field: ClassVar[str] = "agent_id"

    agent_id: UUID
    account_id: UUID
    reason_code: Code
    decided_at: Instant


class AgentSuspended(_AgentAway):
    """An agent may not act until reinstated."""

    type: ClassVar[str] = "agent.suspended.v1"


class AgentDismissed(_AgentAway):
    """An agent was dismissed and cannot be reinstated."""

    type: ClassVar[str] = "agent.dismissed.v1"


AgentAtWork: TypeAlias = AgentActivated | AgentReinstated
AgentDecided: TypeAlias = AgentAtWork | AgentSuspended | AgentDismissed
AGENT_DECIDED: tuple[type[Event], ...] = get_args(AgentDecided)
"""The classes of `AgentDecided`, for a handler of all of them."""


class _WadahMove(Event):
    """A move of an agent to another wadah of the same branch.

    The agent is of `wadah_id` from the Jakarta day `from_date` on, and of `from_wadah_id` before.
    """

    subject_field: ClassVar[str] = "agent_id"

    move_id: UUID
    agent_id: UUID
    from_wadah_id: UUID
    wadah_id: UUID
    from_date: date
    decided_at: Instant


class AgentWadahChanged(_WadahMove):
    """An agent moves to another wadah on a coming day; the move stands until it is cancelled."""

    type: ClassVar[str] = "agent.wadah_changed.v1"


class AgentWadahChangeCancelled(_WadahMove):
    """A planned move of an agent does not take place: an officer withdrew it, the agent was
    suspended or dismissed before its first day, or the new wadah was terminated.
    """

    type: ClassVar[str] = "agent.wadah_change_cancelled.v1"

    reason_code: Code


AgentMoved: TypeAlias = AgentWadahChanged | AgentWadahChangeCancelled
AGENT_MOVED: tuple[type[Event], ...] = get_args(AgentMoved)
"""The classes of `AgentMoved`, for a handler of both."""


class WadahAgreementSigned(Event):
    """A wadah has an agreement (PKS) for these days, both included.

    pays: who gets the incentives of the agents; null leaves it to the commission scheme.
    """

    type: ClassVar[str] = "wadah.agreement_signed.v1"
    subject_field: ClassVar[str] = "wadah_id"

    wadah_id: UUID
    agreement_id: UUID
    starts_on: date
    ends_on: date
    pays: PaymentMethod | None = None


class WadahTerminated(Event):
    """The cooperation with a wadah ended, for good."""

    type: ClassVar[str] = "wadah.terminated.v1"
    subject_field: ClassVar[str] = "wadah_id"

    wadah_id: UUID
    reason_code: Code
    decided_at: Instant


class BankAccountChanged(Event):
    """An agent or wadah has a verified bank account from now on, instead of an earlier one.

    payouts_frozen_until: nothing is paid out to it before; null where nothing is held back.
    """

    type: ClassVar[str] = "bank_account.changed.v1"
    subject_field: ClassVar[str] = "holder_id"

    holder_kind: HolderKind
    holder_id: UUID
    bank_account_id: UUID
    payouts_frozen_until: Instant | None
    decided_at: Instant


class TaxIdentityChanged(Event):
    """What is known of an agent or wadah for tax has changed from a day on."""

    type: ClassVar[str] = "tax_identity.changed.v1"
    subject_field: ClassVar[str] = "holder_id"

    holder_kind: HolderKind
    holder_id: UUID
    tax_identity_id: UUID
    holds_from: date
    decided_at: Instant
