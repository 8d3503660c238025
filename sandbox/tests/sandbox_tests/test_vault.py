import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from perisai_kit.privacy.keyring import Keyring
from sandbox.errors import SandboxError
from sandbox.vault import load_bank_keys, load_secrets, write_private
from snap_bi.profiles import PROFILES


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()

    first = load_secrets(tmp_path)

    assert load_secrets(tmp_path) == first
    assert load_secrets(other) != first


def test_secrets_are_readable_by_us_alone(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    keys = load_bank_keys(tmp_path)

    assert mode_of(tmp_path / "secrets.json") == 0o600
    assert mode_of(keys.bank_private) == mode_of(keys.our_private) == 0o600


def test_no_two_services_share_a_secret(tmp_path: Path) -> None:
    services = load_secrets(tmp_path).services.values()

    words = [word for each in services for word in each.model_dump().values()]

    assert len(words) == len(set(words)) == 12


def test_keys_are_what_the_key_ring_reads(tmp_path: Path) -> None:
    own = load_secrets(tmp_path).services["member"]

    keyring = Keyring.parse(own.data_keys, own.lookup_key)

    assert keyring.decrypt(keyring.encrypt(b"text", "a.b"), "a.b") == b"text"


def test_sandbox_gets_a_bank_that_is_new_and_keeps_its_own(tmp_path: Path) -> None:
    first = load_secrets(tmp_path).model_dump()
    del first["banks"]["bri"]
    (tmp_path / "secrets.json").write_text(json.dumps(first))

    again = load_secrets(tmp_path)

    assert again.banks["generic-hmac"].model_dump() == first["banks"]["generic-hmac"]
    assert again.banks.keys() == PROFILES.keys()
    assert load_secrets(tmp_path) == again
    assert mode_of(tmp_path / "secrets.json") == 0o600


def test_every_bank_has_a_pair_of_its_own_and_ours_is_one(tmp_path: Path) -> None:
    files = [load_bank_keys(tmp_path, profile) for profile in PROFILES]

    assert len({each.bank_private.read_text() for each in files}) == len(PROFILES)
    assert len({each.our_private for each in files}) == 1


def test_damaged_secrets_are_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"passwords": {}}')

    with pytest.raises(SandboxError, match=r"secrets\.json is damaged"):
        load_secrets(tmp_path)


def test_bank_keys_are_two_matching_rsa_pairs(tmp_path: Path) -> None:
    keys = load_bank_keys(tmp_path)

    for private, public in (
        (keys.bank_private, keys.bank_public),
        (keys.our_private, keys.our_public),
    ):
        own = serialization.load_pem_private_key(private.read_bytes(), password=None)
        known = serialization.load_pem_public_key(public.read_bytes())
        assert isinstance(own, rsa.RSAPrivateKey)
        assert own.key_size >= 2048
        assert own.public_key() == known
    assert keys.bank_public.read_text() != keys.our_public.read_text()
    assert load_bank_keys(tmp_path) == keys


def test_lost_public_key_is_made_again_from_the_private_one(tmp_path: Path) -> None:
    keys = load_bank_keys(tmp_path)
    text = keys.bank_public.read_text()
    keys.bank_public.unlink()

    load_bank_keys(tmp_path)

    assert keys.bank_public.read_text() == text


def test_half_written_file_of_before_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "word.new").write_text("half")

    write_private(tmp_path / "word", "whole")

    assert (tmp_path / "word").read_text() == "whole"
    assert not (tmp_path / "word.new").exists()


def test_sandbox_of_before_gets_a_sign_in_for_the_engineer_of_its_bank(tmp_path: Path) -> None:
    first = load_secrets(tmp_path).model_dump()
    del first["passwords"]["bank1"]
    (tmp_path / "secrets.json").write_text(json.dumps(first))

    again = load_secrets(tmp_path)

    assert again.passwords.keys() == {*first["passwords"], "bank1"}
    assert load_secrets(tmp_path) == again
