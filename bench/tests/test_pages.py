import re

from bench import pages
from bench.options import Options
from sandbox.services import ROOT

ELSEWHERE = re.compile(r"/v1/(accounts|me|operations|read-audits)\b")
"""Lists of the gateway, of events that nobody could handle (there is none of these), and of read
audits, which only auditors read, who are not among the roles that are measured."""


def test_every_list_of_the_three_services_is_measured() -> None:
    listed = (ROOT / "docs" / "api.txt").read_text().splitlines()
    wanted = {
        re.sub(r"\{\w+\}", "{}", line.split()[1])
        for line in listed
        if line.startswith("GET ") and re.search(r"\| 200 \w+Page ", line)
    }
    measured = [path for lists in pages.LISTS.values() for path, _, _ in lists]
    measured += [path for paths in pages.LOOK_UPS.values() for path in paths]
    found = {re.sub(r"\{\w+\}", "{}", path) for path in measured}

    assert {path for path in wanted if not ELSEWHERE.match(path)} - found == set()


def test_the_worst_pages_are_named_first() -> None:
    options = Options(world=1_000, small_world=10)
    times = {"slow": ([9.0, 9.0], [3.0, 3.0]), "quick": ([1.0, 1.0], [1.0, 1.0])}

    said = pages.describe(times, options)

    assert said.index("slow 9.0 and 3.0 ms") < said.index("quick 1.0 and 1.0 ms")


def test_the_p99_is_of_all_requests() -> None:
    assert pages.find_p99([[1.0] * 98, [5.0, 9.0]]) == 5.0
    assert pages.find_p99([[1.0] * 99, [9.0] * 1, [1.0] * 100]) == 1.0
