"""What a receipt adds up. Source: docs/domain.md, Payment channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perisai_kit.domain.programmes import Programme


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """What a payment paid for one programme over all its months, in rupiah."""

    programme: Programme
    full_amount: int
    relief_amount: int
    amount: int
    relief_basis: tuple[str, ...]


class PricedLine(Protocol):
    """A line of a paid bill: one programme of one month, in rupiah."""

    @property
    def programme(self) -> Programme: ...
    @property
    def amount(self) -> int: ...
    @property
    def full_amount(self) -> int: ...
    @property
    def relief_amount(self) -> int: ...
    @property
    def relief_basis(self) -> str | None: ...


def totals(lines: Sequence[PricedLine]) -> list[ProgrammeTotal]:
    """Return one total a programme paid for, JKK, JKM, JHT, with the laws that reduced it."""
    found = []
    for programme in Programme:
        own = [line for line in lines if line.programme is programme]
        if own:
            found.append(
                ProgrammeTotal(
                    programme=programme,
                    full_amount=sum(line.full_amount for line in own),
                    relief_amount=sum(line.relief_amount for line in own),
                    amount=sum(line.amount for line in own),
                    relief_basis=tuple(sorted({line.relief_basis or "" for line in own} - {""})),
                )
            )
    return found
