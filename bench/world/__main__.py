"""Build a world and keep it: `python -m bench.world`, or with `--members 10000`."""

import argparse
import logging
import sys
import time

import structlog

from bench.world.plan import make_plan
from bench.world.template import open_world


def main() -> None:
    """Build, and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.world", description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000, help="a multiple of 200")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    began = time.monotonic()
    with open_world(make_plan(asked.members), say=say):
        say(f"open after {time.monotonic() - began:.0f} s")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
