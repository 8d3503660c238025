"""The accounts the bank knows: set through the control API, kept in a file beside its config."""

import json
import os
import threading
from pathlib import Path

MAX_ACCOUNTS = 100_000


class Accounts:
    """Holder names by bank code and account number."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()  # requests are served in threads
        self._holders: dict[tuple[str, str], str] = {}
        if path is not None and path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))
            self._holders = {(bank, number): holder for bank, number, holder in rows}

    def put(self, *, bank_code: str, account_no: str, holder_name: str) -> None:
        """Open an account, or change its holder; the oldest is dropped when the bank is full."""
        with self._lock:
            self._holders[bank_code, account_no] = holder_name
            if len(self._holders) > MAX_ACCOUNTS:
                del self._holders[next(iter(self._holders))]
            self._store()

    def holder(self, account_no: str, *, bank_code: str | None) -> str | None:
        """Return the holder; without a bank code, of any account with this number."""
        if bank_code is not None:
            return self._holders.get((bank_code, account_no))
        holders = (name for (_, number), name in self._holders.items() if number == account_no)
        return next(holders, None)

    def _store(self) -> None:
        if self._path is None:
            return
        rows = [[bank, number, holder] for (bank, number), holder in self._holders.items()]
        scratch = self._path.with_suffix(f".{os.getpid()}.new")
        scratch.write_text(json.dumps(rows), encoding="utf-8")
        scratch.replace(self._path)
