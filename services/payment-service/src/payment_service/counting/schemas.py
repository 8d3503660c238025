from typing import Annotated

from fastapi import Query

from payment_service.counting.rules import BeneficiaryKind

OwnKind = Annotated[
    BeneficiaryKind | None,
    Query(
        alias="kind",
        description="As an agent or as a wadah: an agent who administers a wadah has two "
        "incentives. By default as the agent.",
    ),
]
