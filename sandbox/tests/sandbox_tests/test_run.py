"""The whole platform as `make run` starts it."""

import json
import stat
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from perisai_kit.domain import clock
from sandbox import lifetime
from sandbox.sample.offices import STEPS

if TYPE_CHECKING:
    from sandbox_tests.conftest import Running

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


def test_every_address_is_ready(platform: "Running") -> None:
    assert set(platform.described["addresses"]) == {
        "gateway",
        "agent",
        "member",
        "payment",
        "fakebank",
    }
    assert platform.is_ready()


def test_seed_is_the_branch_and_an_active_bank_of_every_profile(platform: "Running") -> None:
    branches = platform.find("/v1/branches")["items"]
    partners = platform.find("/v1/bank-partners")["items"]

    assert [each["code"] for each in branches] == ["BWI"]
    assert {each["status"] for each in partners} == {"active"}
    assert [each["profile"] for each in partners] == ["generic-hmac", "generic-rsa", "bca", "bri"]
    described = platform.described["bank_partners"]
    assert [each["id"] for each in partners] == [each["partner_id"] for each in described]


def test_answers_no_bank_has_signed_off_are_said_to_be_the_sandboxes(platform: "Running") -> None:
    said = {
        each["profile"]: (each["replay_answer"], each["replay_answer_note"].split(":")[0])
        for each in platform.described["bank_partners"]
    }

    assert said == {
        "generic-hmac": (None, "The profile's own."),
        "generic-rsa": (None, "The profile's own."),
        "bca": ("4042518", "The sandbox's choice"),
        "bri": ("2002500", "The sandbox's choice"),
    }


def list_all(platform: "Running", path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.find(f"{path}limit=200", "officer1")["items"]
    assert len(found) < 200
    return found


def sample_of(platform: "Running") -> dict[str, Any]:
    """Return of the sample data what a second run may not change."""
    paths = ("members", "bills", "payments", "applications", "wadahs")
    return {
        path: [(each["id"], each.get("status")) for each in list_all(platform, f"/v1/{path}?")]
        for path in paths
    }


def test_sample_has_three_agents_of_two_wadahs_with_twenty_members_each(
    platform: "Running",
) -> None:
    agents = list_all(platform, "/v1/agents?status=active&")
    members = Counter(each["agent_id"] for each in list_all(platform, "/v1/members?"))

    assert len({each["wadah_id"] for each in agents}) == 2
    assert [members[each["id"]] for each in agents] == [20, 20, 20]


@pytest.mark.parametrize(
    ("standing", "count"),
    [("registered_unpaid", 7), ("active", 7), ("grace", 7), ("lapsed", 5), ("ended", 2)],
)
def test_sample_has_members_in_every_standing(
    platform: "Running", standing: str, count: int
) -> None:
    assert len(list_all(platform, f"/v1/members?standing={standing}&")) >= count


@pytest.mark.parametrize("status", ["open", "paid", "void", "ended"])
def test_sample_has_bills_of_every_status(platform: "Running", status: str) -> None:
    assert list_all(platform, f"/v1/bills?status={status}&")


def test_sample_has_an_application_in_every_state(platform: "Running") -> None:
    states = Counter(each["status"] for each in list_all(platform, "/v1/applications?"))

    assert states == {**dict.fromkeys(STEPS, 1), "active": 3}


def test_named_members_have_the_standing_that_status_shows(platform: "Running") -> None:
    for sign_in in platform.described["sign_ins"].values():
        if "standing" in sign_in:
            path = f"/v1/members/{sign_in['member_id']}/coverage"
            assert platform.find(path, "officer1")["standing"] == sign_in["standing"]


def test_sample_has_a_history_that_ends_today(platform: "Running") -> None:
    paid_at = [each["paid_at"] for each in list_all(platform, "/v1/payments?")]
    now = datetime.fromisoformat(platform.find("/v1/server-time")["now"])

    assert abs(now - clock.real_now()) < timedelta(minutes=1)
    assert max(map(datetime.fromisoformat, paid_at)) <= now
    assert len({each[:7] for each in paid_at}) >= 6
    for agent in list_all(platform, "/v1/agents?status=active&"):
        assert datetime.fromisoformat(agent["activated_at"]) < now - timedelta(days=180)


def test_more_members_are_others_each_time(platform: "Running") -> None:
    before = {each["id"] for each in list_all(platform, "/v1/members?")}

    first, second = (platform.perisai("seed", "4", "--more") for _ in range(2))

    added = [each for each in list_all(platform, "/v1/members?") if each["id"] not in before]
    assert "4 new members of the sandbox's agents:\n" in first.stdout, first.stderr
    assert second.stdout.count(" one of them with the telephone +62") == 4
    assert len(added) == len({each["nik"] for each in added}) == 8
    assert len({each["agent_id"] for each in added}) == 3


def test_description_is_readable_by_us_alone_and_its_key_files_exist(platform: "Running") -> None:
    partner = platform.described["bank_partners"][0]

    assert stat.S_IMODE(platform.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(platform.folder.stat().st_mode) == 0o700
    assert Path(partner["private_key_file"]).is_file()
    assert {"client_id", "client_secret", "company_code", "profile"} <= set(partner)


def test_bank_knows_its_partner(platform: "Running") -> None:
    answer = httpx.get(f"{platform.described['addresses']['fakebank']}/partners", trust_env=False)

    assert platform.described["bank_partners"][0]["partner_id"] in answer.text


def test_output_shows_addresses_user_names_and_three_lines_to_try(platform: "Running") -> None:
    said = platform.output()

    assert platform.described["addresses"]["payment"] in said
    assert "  auditor          auditor\n" in said
    assert "  agent            agent  agent2  agent3   (by a code)\n" in said
    assert said.count("  curl -s ") + said.count("  TOKEN=$(") == 3


def test_output_has_a_line_for_each_process_that_is_ready_and_the_box_below_them(
    platform: "Running",
) -> None:
    said = platform.output()
    box = said.index("Perisai is ready.")

    for name in platform.described["addresses"]:
        assert said.index(f"\n{name:<8} is ready after ") < box
    assert " warning " not in said[:box]
    assert "/v1/" not in said[:box]


def test_a_request_is_a_short_line_and_its_log_is_found_by_what_the_line_shows(
    platform: "Running",
) -> None:
    request_id = "asked-by-a-test-1a2b3c4d"
    with platform.client() as client:
        headers = {**platform.sign_in("officer1"), "X-Request-Id": request_id}
        assert client.get("/v1/branches", headers=headers).status_code == 200

    assert lifetime.wait_until(lambda: "ms req_1a2b3c4d\n" in platform.output(), timeout_s=30)
    done = platform.perisai("logs", "--request", "req_1a2b3c4d")

    assert "GET /feed" not in platform.output()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["request_id"] for line in lines} == {request_id}
    assert {line["service"] for line in lines} == {"gateway", "agent-service"}


def test_output_holds_no_password_and_no_secret(platform: "Running") -> None:
    said = platform.output()
    secrets = json.loads((platform.folder / "secrets.json").read_text())
    words = list(secrets["passwords"].values())
    words += [word for each in secrets["services"].values() for word in each.values()]
    words += [each["client_secret"] for each in secrets["banks"].values()]
    words += json.loads((platform.folder / "postgres" / "passwords.json").read_text()).values()

    assert len(words) > 30
    assert [word for word in words if word in said] == []


def test_status_shows_what_is_ready_and_the_passwords(platform: "Running") -> None:
    done = platform.perisai("status")

    assert done.returncode == 0
    assert done.stdout.count("  ready\n") == 5
    for username, each in platform.described["sign_ins"].items():
        assert f"{username} " in done.stdout
        assert str(each.get("password") or each["phone"]) in done.stdout


def test_token_is_one_for_the_gateway(platform: "Running") -> None:
    token = platform.perisai("token", "auditor").stdout.strip()

    with platform.client() as client:
        answer = client.get("/v1/accounts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_the_code_an_app_asked_for_is_read_by_the_name_of_the_sign_in(platform: "Running") -> None:
    phone = platform.described["sign_ins"]["member"]["phone"]
    asked = {"phone": phone, "device_id": "a-test"}
    with platform.client() as client:
        assert client.post("/v1/auth/otp", json=asked).status_code == 202
        code = platform.perisai("otp", "member").stdout.strip()
        grant = {"grant_type": "otp", "code": code, **asked}
        answer = client.post("/v1/auth/token", json=grant)

    assert answer.status_code == 200
    assert answer.json()["access_token"]


def test_a_bill_is_paid_at_the_bank_once(platform: "Running") -> None:
    token = {"Authorization": f"Bearer {platform.perisai('token', 'officer1').stdout.strip()}"}
    month = platform.find("/v1/server-time", "officer1")["now"][:7]
    member = platform.described["sign_ins"]["member-unpaid"]["member_id"]
    with platform.client() as client:
        bill = client.post(
            "/v1/bills",
            json={"member_id": member, "first_month": month, "month_count": 1},
            headers={**token, "Idempotency-Key": "a-test-of-the-bank"},
        ).json()
    number = bill["virtual_accounts"][0]["number"].strip()

    paid, again = platform.perisai("pay", number), platform.perisai("pay", number)

    assert paid.stdout == f"paid: {bill['amount']} rupiah, answered 2002500\n"
    assert (paid.returncode, again.returncode) == (0, 1)


def test_doctor_finds_no_fault_in_a_running_sandbox(platform: "Running") -> None:
    done = platform.perisai("doctor")

    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    assert done.returncode == 0
    assert "ok    database payment: answers" in lines
    assert done.stdout.count(" subscription ") >= 3


def test_all_files_of_the_sandbox_are_readable_by_us_alone(platform: "Running") -> None:
    data = platform.folder / "postgres" / "data"
    open_to_others = [
        path.relative_to(platform.folder).as_posix()
        for path in [platform.folder, *platform.folder.rglob("*")]
        if data not in path.parents and path.stat().st_mode & 0o077
    ]

    assert open_to_others == []


def test_reset_of_a_running_sandbox_is_refused_in_one_line(platform: "Running") -> None:
    done = platform.perisai("reset", "--yes")

    assert done.returncode == 1
    assert done.stderr.startswith("perisai: Another run uses ")
    assert platform.is_ready()


def test_lines_to_try_work_in_a_shell(platform: "Running") -> None:
    said = platform.output().splitlines()
    start = next(at for at, line in enumerate(said) if "TOKEN=$(" in line)

    done = subprocess.run(
        ["sh", "-c", "\n".join(said[start : start + 3])], capture_output=True, text=True, check=True
    )

    assert '"BWI"' in done.stdout
    assert '"generic-hmac"' in done.stdout


def test_create_admin_makes_one_in_the_running_sandbox(platform: "Running") -> None:
    asked = ["create-admin", "--username", "another", "--password", "a long password it is"]

    done = platform.perisai(*asked)

    assert done.stdout == "another is an administrator.\n"
    found = platform.find("/v1/accounts?username=another")["items"]
    assert [each["roles"] for each in found] == [["admin"]]


def test_second_run_in_the_folder_is_refused_in_one_line(platform: "Running") -> None:
    done = platform.perisai("run", "--free-ports")

    assert done.returncode == 1
    assert done.stderr.startswith("perisai: Another run uses ")
    assert done.stderr.count("\n") == 1
    assert platform.file.exists()
    assert platform.is_ready()


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child its parent died")
def test_killed_run_takes_its_children_along_and_the_next_finds_everything(
    platform: "Running",
) -> None:
    """Stands last: it ends the platform of the tests above."""
    partners = [each["id"] for each in platform.find("/v1/bank-partners")["items"]]
    sample = sample_of(platform)
    children = platform.children()
    platform.process.kill()
    platform.process.wait()

    with platform.again() as second:
        assert [each["id"] for each in second.find("/v1/bank-partners")["items"]] == partners
        assert sample_of(second) == sample
        assert second.described["sign_ins"] == platform.described["sign_ins"]
        assert not any(lifetime.is_alive(pid) for pid in children)
        children = second.children()
        assert second.stop() == 0

    assert not any(lifetime.is_alive(pid) for pid in children)
    assert not second.file.exists()
    assert second.output().rstrip().endswith("stopped")
