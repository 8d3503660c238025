import json
from pathlib import Path
from typing import Any

import pytest

from bench.load import THREADS, read_report, read_requests, write_requests
from bench.results import BenchError


def test_requests_are_read_as_they_were_written(tmp_path: Path) -> None:
    sent = [f"request {number}".encode() * (number + 1) for number in range(5)]

    write_requests(tmp_path / "flags", enumerate(sent))

    assert sorted(read_requests(tmp_path / "flags")) == sorted(sent)


def test_each_thread_has_a_file_of_its_own(tmp_path: Path) -> None:
    write_requests(tmp_path / "flags", [(0, b"first"), (1, b"second"), (0, b"third")])

    written = [(tmp_path / f"flags.{number}").read_bytes() for number in range(1, THREADS + 1)]

    assert written == [b"00000005first00000005third", b"00000006second"]


def report(**differences: Any) -> str:
    usual = {
        "seconds": 2.0,
        "answered": 10,
        "wrong": 0,
        "first_wrong": "",
        "ended": 0,
        "broken": 0,
    }
    return json.dumps({**usual, **differences})


def test_a_good_run_has_a_rate() -> None:
    assert read_report(report()).rate == 5.0


@pytest.mark.parametrize(
    "difference",
    [{"wrong": 1, "first_wrong": "500 oh"}, {"broken": 1}, {"ended": 1}],
)
def test_a_run_with_anything_wrong_does_not_count(difference: dict[str, Any]) -> None:
    with pytest.raises(BenchError):
        read_report(report(**difference))
