"""One telephone is one account, however its number was typed or copied."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    "written",
    [
        "6281234567890",
        "\u202a+62 812\u20113456\u20117890\u202c",
        "0812\u00a03456\u00a07890",
        "\uff10812\uff13\uff14567890",
        "+6262 812 3456 7890",
    ],
)
async def test_a_copied_number_signs_in_to_the_account_of_the_plain_one(
    gateway: Any, written: str
) -> None:
    plain = await gateway.otp_session("081234567890")

    copied = await gateway.otp_session(written)

    assert copied["account_id"] == plain["account_id"]
