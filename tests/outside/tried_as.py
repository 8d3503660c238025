"""Hooks that schemathesis loads: each request is sent with one of the given access tokens.

PERISAI_TOKENS: JSON object from role to access token; an empty token means without a sign-in.
"""

import json
import os
from typing import Any

import schemathesis
from hypothesis import strategies
from hypothesis.strategies import SearchStrategy
from schemathesis import AuthContext, Case, GenerationMode, HookContext

from perisai_kit.domain import clock
from sandbox.demo.people import member_body, new_adult

TOKENS: dict[str, str] = json.loads(os.environ["PERISAI_TOKENS"])
HEADER = "X-Tried-As"
"""Shows the role in the output of a failure; the platform ignores it."""


@schemathesis.hook
def before_generate_case(context: HookContext, strategy: SearchStrategy[Case[Any]]) -> object:
    """Draw the role together with the request."""
    return strategies.builds(_tried_as, strategy, strategies.sampled_from(sorted(TOKENS)))


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Replace the form of a new member by a valid one, so that sequences can continue.

    The schema does not define a valid NIK, so no generated form would be accepted.
    """
    assert context.operation is not None
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if context.operation.label == "POST /v1/members" and is_right:
        case.body = member_body(new_adult(clock.today()), at=clock.now())
    return case


def _tried_as(case: Case[Any], role: str) -> Case[Any]:
    case.headers[HEADER] = role
    return case


@schemathesis.auth(refresh_interval=None)
class RoleToken:
    """Send a request with the token of the drawn role, or with the only token."""

    def get(self, case: Case[Any], context: AuthContext) -> str | None:
        role = case.headers.get(HEADER) or min(TOKENS)
        return TOKENS[role] or None

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"
