from typing import Annotated

from fastapi import Query

from payment_service.counting.rules import BeneficiaryKind

OwnKind = Annotated[
    BeneficiaryKind | None,
    Query(
        alias="kind",
        description="As whom: who is an agent and administers a wadah has two incentives. By "
        "default as the agent.",
    ),
]
