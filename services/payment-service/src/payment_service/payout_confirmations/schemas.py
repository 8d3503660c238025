from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from perisai_kit.http.types import (
    AgentId,
    Model,
    MonthText,
    Out,
    RecordId,
    WadahId,
    with_example,
)

IS_RECEIVED = "Whether the agent received their part from the wadah."
AGENT_NAME = "Name of the agent; null while not available."


class NewPayoutConfirmation(Model):
    """Whether you received what your wadah was paid for you."""

    model_config = with_example(is_received=True)

    is_received: Annotated[bool, Field(strict=True, description=IS_RECEIVED)]


class PayoutConfirmationOut(Out):
    """What an agent said last of a payout."""

    id: RecordId
    payout_id: Annotated[UUID, Field(description="The payout to the wadah.")]
    agent_id: AgentId
    is_received: Annotated[bool, Field(description=IS_RECEIVED)]
    confirmed_at: Annotated[datetime, Field(description="When.")]


class ListedPayoutConfirmationOut(PayoutConfirmationOut):
    """What an agent said last of a payout, with their name."""

    agent_name: Annotated[str | None, Field(description=AGENT_NAME)]


class MissingPayoutConfirmationOut(Out):
    """What a wadah was paid for an agent who has not said whether they received it."""

    payout_id: Annotated[UUID, Field(description="The payout to the wadah.")]
    agent_id: AgentId
    agent_name: Annotated[str | None, Field(description=AGENT_NAME)]
    wadah_id: WadahId
    wadah_name: Annotated[
        str | None, Field(description="Name of the wadah; null while not available.")
    ]
    month: Annotated[MonthText, Field(description="The agent's last month in the payout.")]
    amount: Annotated[int, Field(description="The agent's part after tax, in rupiah.")]
    settled_at: Annotated[datetime, Field(description="When the wadah was paid.")]
