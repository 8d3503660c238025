import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.rules import (
    Family,
    RefreshToken,
    Verdict,
    decode,
    encode,
    is_genuine,
    is_over,
    judge,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY_S = 86_400
CURRENT, PREVIOUS, OLDER = b"c" * 32, b"p" * 32, b"o" * 32


def family(*, rotated_s_ago: int = 10, device_id: str | None = "d") -> Family:
    return Family(CURRENT, PREVIOUS, NOW - timedelta(seconds=rotated_s_ago), device_id)


@given(
    session_id=st.uuids(),
    generation=st.integers(0, 2**32 - 1),
    secret=st.binary(min_size=32, max_size=32),
    tag=st.binary(min_size=32, max_size=32),
)
def test_a_token_reads_back_as_it_was_written(
    session_id: uuid.UUID, generation: int, secret: bytes, tag: bytes
) -> None:
    token = RefreshToken(session_id, generation, secret)

    decoded = decode(encode(token, tag))

    assert decoded is not None
    assert decoded[0] == token
    assert is_genuine(decoded[1], tag)


@given(st.text(max_size=120))
def test_any_text_is_a_token_or_nothing(text: str) -> None:
    decoded = decode(text)

    assert decoded is None or len(decoded[0].body) == 52


@pytest.mark.parametrize(
    ("token_hash", "device_id", "rotated_s_ago", "verdict"),
    [
        (CURRENT, "d", 10, Verdict.ROTATE),
        (CURRENT, "other", 10, Verdict.OTHER_DEVICE),
        (CURRENT, None, 10, Verdict.DEVICE_MISSING),
        (PREVIOUS, "d", 7 * DAY_S, Verdict.REPEAT),
        (PREVIOUS, "d", 7 * DAY_S + 1, Verdict.REUSED),
        (PREVIOUS, "other", 10, Verdict.REUSED),
        (PREVIOUS, None, 10, Verdict.REUSED),
        (OLDER, "d", 10, Verdict.REUSED),
    ],
)
def test_what_presenting_a_token_means(
    token_hash: bytes, device_id: str | None, rotated_s_ago: int, verdict: Verdict
) -> None:
    judged = judge(
        family(rotated_s_ago=rotated_s_ago),
        token_hash=token_hash,
        device_id=device_id,
        now=NOW,
    )

    assert judged is verdict


def test_a_session_without_device_asks_for_none() -> None:
    judged = judge(family(device_id=None), token_hash=CURRENT, device_id="d", now=NOW)

    assert judged is Verdict.ROTATE


@pytest.mark.parametrize(
    ("expires_s", "ended", "valid_from_s", "over"),
    [
        (10, False, None, False),
        (0, False, None, True),
        (10, True, None, True),
        (10, False, -100, False),
        (10, False, -99, True),
    ],
)
def test_when_a_session_is_over(
    expires_s: int, ended: bool, valid_from_s: int | None, over: bool
) -> None:
    judged = is_over(
        created_at=NOW - timedelta(seconds=100),
        expires_at=NOW + timedelta(seconds=expires_s),
        ended_at=NOW if ended else None,
        valid_from=None if valid_from_s is None else NOW + timedelta(seconds=valid_from_s),
        now=NOW,
    )

    assert judged is over
