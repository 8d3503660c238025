from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from agent_service.activity.rules import LackingActivity
from agent_service.requirements.rules import Requirement
from agent_service.settings import Settings
from perisai_kit.testing.plugin import Urls

URLS = {"member_url": "http://member", "payment_url": "http://payment"}
NOWHERE = Urls("none", "postgresql://app@nowhere/none", "postgresql://owner@nowhere/none")


def test_every_known_requirement_is_required_by_default(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(Settings, NOWHERE, **URLS)

    assert set(settings.requirements) == {requirement.value for requirement in Requirement}
    assert LackingActivity(settings.inactivity_lacking) is LackingActivity.BOTH


def test_a_requirement_is_added_by_the_environment(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERISAI_AGENT_REQUIREMENTS", '["membership", "npwp"]')

    settings = make_settings(Settings, NOWHERE, **URLS)

    assert settings.requirements == ("membership", "npwp")


@pytest.mark.parametrize(
    "differences",
    [
        {"requirements": ["adult"]},
        {"requirements": ["membership", "a b"]},
        {"minimum_age": 12},
        {"inactivity_lacking": "neither"},
        {"inactivity_window_months": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(
    make_settings: Callable[..., Settings], differences: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        make_settings(Settings, NOWHERE, **URLS, **differences)
