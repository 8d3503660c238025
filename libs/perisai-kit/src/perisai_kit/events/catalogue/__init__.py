"""The events between services, typed and versioned.

A type is past tense and ends in its version. A change that older readers cannot ignore is a new
version. Events contain ids and facts, never personal data. Readers ignore unknown fields.
`docs/events.md` is generated from this package.
"""

from collections.abc import Iterator

from perisai_kit.events.catalogue.agents import (
    AGENT_DECIDED,
    AGENT_MOVED,
    AgentActivated,
    AgentAtWork,
    AgentDecided,
    AgentDismissed,
    AgentMoved,
    AgentReinstated,
    AgentSuspended,
    AgentWadahChangeCancelled,
    AgentWadahChanged,
    BankAccountChanged,
    BranchOpened,
    HolderKind,
    PaymentMethod,
    TaxIdentityChanged,
    WadahAgreementSigned,
    WadahTerminated,
)
from perisai_kit.events.catalogue.members import (
    AttributionPeriod,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    MemberAttributed,
    MemberEnrolled,
    MemberRiskFlagged,
    MemberUpdated,
    RegistrationCorrected,
    RegistrationEnded,
    RegistrationOpened,
)
from perisai_kit.events.catalogue.payments import (
    AllocationReversed,
    BeneficiaryKind,
    BillEnded,
    BillIssued,
    BillReplaced,
    BillVoided,
    PayeeKind,
    Payer,
    PaymentSettled,
    PayoutFailed,
    PayoutPaid,
    PayoutPaidForAgent,
    PayoutReturned,
    PayoutReturnedForAgent,
    Programme,
    SettledLine,
    StatementIssued,
)
from perisai_kit.events.envelope import Event, build_registry

__all__ = [
    "AGENT_DECIDED",
    "AGENT_MOVED",
    "EVENTS",
    "AgentActivated",
    "AgentAtWork",
    "AgentDecided",
    "AgentDismissed",
    "AgentMoved",
    "AgentReinstated",
    "AgentSuspended",
    "AgentWadahChangeCancelled",
    "AgentWadahChanged",
    "AllocationReversed",
    "AttributionPeriod",
    "BankAccountChanged",
    "BeneficiaryKind",
    "BillEnded",
    "BillIssued",
    "BillReplaced",
    "BillVoided",
    "BranchOpened",
    "CoverageDeclined",
    "CoverageExtended",
    "CoverageWithdrawn",
    "HolderKind",
    "MemberAttributed",
    "MemberEnrolled",
    "MemberRiskFlagged",
    "MemberUpdated",
    "PayeeKind",
    "Payer",
    "PaymentMethod",
    "PaymentSettled",
    "PayoutFailed",
    "PayoutPaid",
    "PayoutPaidForAgent",
    "PayoutReturned",
    "PayoutReturnedForAgent",
    "Programme",
    "RegistrationCorrected",
    "RegistrationEnded",
    "RegistrationOpened",
    "SettledLine",
    "StatementIssued",
    "TaxIdentityChanged",
    "WadahAgreementSigned",
    "WadahTerminated",
]


def _declared(base: type[Event]) -> Iterator[type[Event]]:
    for cls in base.__subclasses__():
        if "type" in cls.__dict__:
            yield cls
        yield from _declared(cls)


EVENTS = build_registry(*_declared(Event))
"""Every event of the platform by its type."""
