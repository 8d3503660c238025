from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.fakebank.accounts import Accounts


def test_accounts_opened_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = Accounts(path)

    def open_account(number: int) -> None:
        accounts.put(bank_code="014", account_no=f"{number:010d}", holder_name="CONTOH")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(open_account, range(100)))

    kept = Accounts(path)
    assert {kept.holder(f"{number:010d}", bank_code="014") for number in range(100)} == {"CONTOH"}
