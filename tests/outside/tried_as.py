"""What schemathesis loads before it runs: each request is sent as one of those who are signed in.

PERISAI_TOKENS: JSON, an access token by the name of whose it is; nobody has an empty one.
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
"""Tells in what is printed of a failure who asked; the platform does not know it."""


@schemathesis.hook
def before_generate_case(context: HookContext, strategy: SearchStrategy[Case[Any]]) -> object:
    """Draw who asks together with what is asked."""
    return strategies.builds(_tried_as, strategy, strategies.sampled_from(sorted(TOKENS)))


@schemathesis.hook
def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
    """Let a new member be one whom the rules accept, so that sequences have something to go on.

    No schema says what a NIK is, so of itself no made-up form would ever be.
    """
    assert context.operation is not None
    is_right = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if context.operation.label == "POST /v1/members" and is_right:
        case.body = member_body(new_adult(clock.today()), at=clock.now())
    return case


def _tried_as(case: Case[Any], who: str) -> Case[Any]:
    case.headers[HEADER] = who
    return case


@schemathesis.auth(refresh_interval=None)
class Somebody:
    """Signs a request with the token of who was drawn, or of the only one there is."""

    def get(self, case: Case[Any], context: AuthContext) -> str | None:
        who = case.headers.get(HEADER) or min(TOKENS)
        return TOKENS[who] or None

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"
