"""Immutable values of which every message needs a dozen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform, overload

Value = TypeVar("Value")


@overload
def record(cls: type[Value]) -> type[Value]: ...


@overload
def record(
    *, kw_only: bool = False, slots: bool = True
) -> Callable[[type[Value]], type[Value]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(
    cls: type[Value] | None = None, *, kw_only: bool = False, slots: bool = True
) -> type[Value] | Callable[[type[Value]], type[Value]]:
    """Make a dataclass that the type checker keeps from being changed.

    A frozen dataclass also checks that while it runs, and then sets each field by a call of its
    own, which costs a twentieth of the time of a message.
    """
    make = dataclass(slots=slots, kw_only=kw_only, unsafe_hash=True)
    return make if cls is None else make(cls)
