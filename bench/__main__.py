"""Measure the limits of the platform: `make bench`, or one: `make bench ARGS=event_lag`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from bench import (
    attacks,
    callbacks,
    enrolment,
    inquiries,
    lag,
    memory,
    months,
    orders,
    pages,
    proxy,
)
from bench.options import Options
from bench.report import LATEST, write_page
from bench.results import (
    BenchError,
    ProgramMissing,
    Result,
    build_missing_result,
    format_table,
    write_results,
)
from bench.stage import Stage, open_stage
from bench.world.plan import make_plan
from bench.world.template import open_world
from perisai_kit.domain.clock import real_now
from sandbox.errors import SandboxError

QUICK = Options(
    quick=True,
    seconds=3.0,
    rounds=1,
    bills=40_000,
    enrolled=1_600,
    requests=20_000,
    world=10_000,
    small_world=2_000,
)


CHOICES = {
    "payment_processes": "processes of payment-service, on one port",
    "gateway_processes": "processes of the gateway, and threads of HAProxy",
    "rounds": "rounds of each measurement; the median counts",
    "seconds": "seconds of each measurement",
    "world": "members of the world of list_pages and month_close",
    "small_world": "members of the world beside it",
}
BENCHES: dict[str, Callable[[Stage, Options], Result | list[Result]]] = {
    "callbacks_direct": callbacks.direct,
    "callbacks_gateway": callbacks.gateway,
    "inquiries_direct": inquiries.measure,
    "callbacks_with_orders": orders.measure,
    "gateway_proxy": proxy.measure,
    "event_lag": lag.measure,
    "batch_enrolment": enrolment.measure,
    "list_pages": pages.measure,
    "month_close": months.close_months,
    "edge_under_attack": attacks.measure,
    "memory_growth": memory.measure,
}


IN_A_WORLD = {"list_pages", "month_close"}
"""The benches that run on generated members."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table and store the figures; return the exit code.

    0 when every measurement succeeded and holds; a missing external program is no failure.
    """
    asked = _parse(arguments)
    results: list[Result] = []
    failed = False
    for name in asked.names or list(BENCHES):
        _say(f"measuring {name} ...")
        try:
            results += _measure(name, _build_options(asked))
        except KeyboardInterrupt:
            _say("bench: stopped")
            return 130
        except (BenchError, SandboxError) as error:
            results.append(build_missing_result(name, str(error)))
            failed = failed or not isinstance(error, ProgramMissing)
        if not asked.quick and not asked.statements:
            write_results(LATEST, results)
            write_page()
    _say(format_table(results))
    return 1 if failed or any(each.holds is False for each in results) else 0


def _measure(name: str, options: Options) -> list[Result]:
    """Measure on a new stage, so that one measurement does not affect the next."""
    with _open_stage(name, options) as stage:
        found = BENCHES[name](stage, options)
    results = found if isinstance(found, list) else [found]
    if not options.quick:
        return [replace(each, how=f"{each.how}; {real_now().date()}") for each in results]
    return [replace(each, how=f"QUICK, not stored: {each.how}") for each in results]


def _open_stage(name: str, options: Options) -> AbstractContextManager[Stage]:
    if name in IN_A_WORLD:
        return open_world(make_plan(options.world), say=_say)
    return open_stage()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="short runs, not stored")
    parser.add_argument(
        "--statements",
        action="store_true",
        help="with callbacks_direct or _gateway: what PostgreSQL does a payment; not stored",
    )
    for name, what in CHOICES.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(
            option, type=_parse_number, metavar="N", help=f"{what}; else the default"
        )
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}")
    return asked


def _build_options(asked: argparse.Namespace) -> Options:
    chosen = replace(QUICK if asked.quick else Options(), statements=asked.statements)
    given = {name: value for name in CHOICES if (value := getattr(asked, name)) is not None}
    return replace(chosen, **given)


def _parse_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
