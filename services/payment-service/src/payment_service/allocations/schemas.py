from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from payment_service.allocations.rules import AllocationKind, AllocationReason
from payment_service.answers.rules import AllocationCoverage
from perisai_kit.http.types import AgentId, BillId, MemberId, Out, RecordId


class AllocationOut(Out):
    """What a part of a payment was used for. amount is whole rupiah, negative if taken back."""

    id: RecordId
    kind: Annotated[AllocationKind, Field(description="Used for a bill, or kept in suspense.")]
    bill_id: Annotated[BillId | None, Field(description="The bill it was paid for, if known.")]
    member_id: Annotated[MemberId | None, Field(description="The member of that bill.")]
    amount: Annotated[int, Field(description="Rupiah; negative: an earlier one is taken back.")]
    counts_at: Annotated[
        datetime, Field(description="The instant that decides cover, month and earner.")
    ]
    reason: Annotated[
        AllocationReason | None, Field(description="Why it is in suspense or was taken back.")
    ]
    reverses: Annotated[
        UUID | None, Field(description="The allocation of the same payment that it takes back.")
    ]
    member_name: Annotated[
        str | None,
        Field(
            description="The name on that bill: whole to the member, the agent in care and the "
            "branch, masked to others."
        ),
    ]
    agent_id: Annotated[
        AgentId | None, Field(description="The agent who has the member today; null: the branch.")
    ]
    agent_name: Annotated[
        str | None,
        Field(
            description="Name of that agent, for the member, the agent's wadah and offices; null "
            "also while the name cannot be read."
        ),
    ]
    coverage: Annotated[
        AllocationCoverage | None,
        Field(
            description="What became of it for the member: still waiting; its months are paid; "
            "some of them do not count any more; or its money cannot count at all. null: it is "
            "not for a bill, or it takes one back."
        ),
    ]
    reason_code: Annotated[str | None, Field(description="Why it was declined.")]

    @classmethod
    def of(cls, allocation: object, **more: object) -> Self:
        """Return what is shown of an allocation. more: the fields that are not its columns."""
        stored = {name: getattr(allocation, name) for name in cls.model_fields if name not in more}
        return cls(**stored, **more)
