"""The exported journal, read as an accountant's program would: by hledger, and by a few lines."""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Mapping

HLEDGER = shutil.which("hledger")
DECLARED = re.compile(r"^account (\S+)  ; ledger:(\S+)$", re.MULTILINE)
"""An account with a readable name, and its name in the ledger."""


async def faults(exported: str, *, held: Mapping[str, int]) -> list[str]:
    """Compare the journal with the balances held in the ledger, in rupiah by account."""
    read, found = read_balances(exported)
    found += _differences("the journal", read, held)
    if HLEDGER is not None:
        if (await _run_hledger(HLEDGER, exported, "check", "--strict")) is None:
            found.append("hledger finds a fault in the journal")
        found += _differences("hledger", await _ask_hledger(HLEDGER, exported), held)
    return found


def read_balances(exported: str) -> tuple[dict[str, int], list[str]]:
    """Return the balance of each account without its class, and what does not add up."""
    balances: Counter[str] = Counter()
    found = []
    for entry in exported.split("\n\n"):
        total = 0
        for line in entry.splitlines():
            if line.startswith("    ") and not line.lstrip().startswith(";"):
                account, amount = line.split("  ")[-2:]
                rupiah = int(amount.partition(" IDR")[0])  # a balance may follow
                balances[_without_class(account.strip())] += rupiah
                total += rupiah
        if total:
            found.append(f"an entry of the journal is {total} out of balance")
    return dict(balances), found


def _differences(who: str, read: Mapping[str, int], held: Mapping[str, int]) -> list[str]:
    accounts = sorted(read.keys() | held.keys())
    wrong = [each for each in accounts if read.get(each, 0) != held.get(each, 0)]
    return [f"{who} and the ledger differ on {len(wrong)} accounts"] if wrong else []


async def _ask_hledger(program: str, exported: str) -> dict[str, int]:
    """Return the balances that hledger finds, by the ledger's names."""
    shown = ["balance", "--flat", "--no-total", "--empty", "--format=%(account) %(total)"]
    said = await _run_hledger(program, exported, *shown, "--ignore-assertions")
    assert said is not None, "hledger cannot read the journal"
    rows = (line.split() for line in said.splitlines())
    named = dict(DECLARED.findall(exported))
    return {named.get(row[0]) or _without_class(row[0]): int(row[1]) for row in rows}


async def _run_hledger(program: str, exported: str, *arguments: str) -> str | None:
    """Return what hledger says; None where it refuses the journal."""
    process = await asyncio.create_subprocess_exec(
        program,
        *("-f", "-"),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate(exported.encode())
    return said.decode() if process.returncode == 0 else None


def _without_class(account: str) -> str:
    return account.partition(":")[2]
