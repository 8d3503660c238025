"""What the rules say about the readable fields of a body that has other fields of a wrong form.

Otherwise a form would be corrected twice: once for types and missing fields, and again for what
rules refuse. A route names the rules of its body, `new: Annotated[NewThing, BodyRules(find)]`, and
its answer to a body of a wrong form has their faults too. They need nothing but the body, the
settings and the date. The service calls the same rules for a body of the right form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from fastapi import Request
from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from perisai_kit.domain.errors import DomainError

Find = Callable[[Any, Request], Sequence[DomainError]]
"""Returns the faults of a body that is read as far as it can be: see `read_readable`."""


@dataclass(frozen=True, slots=True)
class BodyRules:
    """Mark of a body in the signature of a route."""

    find: Find


def get_body_rules(endpoint: Callable[..., Any]) -> tuple[type[BaseModel], Find] | None:
    """Return the model of a route's body and its rules, if the route names them."""
    for hint in get_type_hints(endpoint, include_extras=True).values():
        for mark in getattr(hint, "__metadata__", ()):
            if isinstance(mark, BodyRules):
                return get_args(hint)[0], mark.find
    return None


def read_readable(model: type[BaseModel], content: Any) -> Any:
    """Return the fields of a body, each None where its form is wrong; None if it is no object.

    Absent fields have their default. Entries of a list are read one by one, so that their places
    stay. Only for rules: validators of whole models are left out.
    """
    try:
        return _make_readable(model).model_validate(content)
    except ValidationError:
        return None


@cache
def _make_readable(model: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (
            Annotated[(_loosen(field.annotation), *field.metadata, WrapValidator(_read_or_none))],
            None if field.is_required() else field.get_default(call_default_factory=True),
        )
        for name, field in model.model_fields.items()
    }
    config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)
    return create_model(f"Readable{model.__name__}", __config__=config, **fields)


def _read_or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


def _loosen(annotation: Any) -> Any:
    """Return a type whose parts may be None where their form is wrong."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _make_readable(annotation)
    if origin is Annotated:
        return Annotated[(_loosen(parts[0]), *annotation.__metadata__)]
    if origin in (Union, UnionType):
        return reduce(or_, (_loosen(part) for part in parts))
    if origin is list:
        return list[Annotated[_loosen(parts[0]), WrapValidator(_read_or_none)]]  # type: ignore[misc]  # a type made here
    return annotation
