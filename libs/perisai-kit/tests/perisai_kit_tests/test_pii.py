import base64
import os

import pytest
from pydantic import SecretStr

from perisai_kit.privacy.keyring import DecryptionFailed, Keyring, KeyringInvalid
from perisai_kit.privacy.masks import mask_account, mask_email, mask_name, mask_nik, mask_phone
from perisai_kit.runtime.settings import ServiceSettings

KEY_1, KEY_2, LOOKUP = (os.urandom(32) for _ in range(3))
OLD = Keyring({"k1": KEY_1}, LOOKUP)
ROTATED = Keyring({"k2": KEY_2, "k1": KEY_1}, LOOKUP)


def b64(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_what_was_encrypted_is_decrypted() -> None:
    blob = OLD.encrypt(b"Siti Aminah", "members.name")

    assert OLD.decrypt(blob, "members.name") == b"Siti Aminah"
    assert b"Siti" not in blob


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert OLD.encrypt(b"x", "members.name") != OLD.encrypt(b"x", "members.name")


def test_a_value_moved_to_another_column_does_not_decrypt() -> None:
    blob = OLD.encrypt(b"x", "members.name")

    with pytest.raises(DecryptionFailed):
        OLD.decrypt(blob, "members.phone")


def test_a_value_changed_in_any_byte_does_not_decrypt() -> None:
    blob = ROTATED.encrypt(b"x", "members.name")

    for index in range(len(blob)):
        changed = bytearray(blob)
        changed[index] ^= 1
        with pytest.raises(DecryptionFailed):
            ROTATED.decrypt(bytes(changed), "members.name")


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01\x02k1", b"\x02\x02k1" + bytes(40)])
def test_a_value_in_no_known_format_does_not_decrypt(blob: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        OLD.decrypt(blob, "members.name")


def test_an_older_key_still_decrypts_and_asks_for_rotation() -> None:
    old = OLD.encrypt(b"x", "members.name")
    new = ROTATED.encrypt(b"x", "members.name")

    assert ROTATED.decrypt(old, "members.name") == b"x"
    assert not old.startswith(ROTATED.active_header)
    assert new.startswith(ROTATED.active_header)
    with pytest.raises(DecryptionFailed, match="not in the key ring"):
        OLD.decrypt(new, "members.name")


def test_the_lookup_hash_depends_on_kind_value_and_its_own_key_only() -> None:
    found = OLD.lookup("nik", "3510111708850001")

    assert len(found) == 32
    assert found == ROTATED.lookup("nik", "3510111708850001")
    assert found != OLD.lookup("phone", "3510111708850001")
    assert found != OLD.lookup("nik", "3510111708850002")
    assert found != Keyring({"k1": KEY_1}, KEY_2).lookup("nik", "3510111708850001")


def test_the_key_ring_is_read_from_settings() -> None:
    settings = ServiceSettings(
        service="member-service",
        database_url=SecretStr("postgresql://app@127.0.0.1/member"),
        data_keys=SecretStr(f"k2:{b64(KEY_2)}, k1:{b64(KEY_1)}"),
        lookup_key=SecretStr(b64(LOOKUP)),
        client_secret=SecretStr("s"),
        gateway_url="http://gateway",
        issuer="http://gateway",
    )

    keyring = Keyring.from_settings(settings)

    assert keyring.active_header == ROTATED.active_header
    assert keyring.decrypt(OLD.encrypt(b"x", "c"), "c") == b"x"


@pytest.mark.parametrize(
    ("data_keys", "lookup_key"),
    [
        ("", b64(LOOKUP)),
        (b64(KEY_1), b64(LOOKUP)),
        (f"k1:{b64(KEY_1)},k1:{b64(KEY_2)}", b64(LOOKUP)),
        (f"k1:{b64(KEY_1[:16])}", b64(LOOKUP)),
        (f"k 1:{b64(KEY_1)}", b64(LOOKUP)),
        (f"k1:{b64(KEY_1)}", ""),
        (f"k1:{b64(KEY_1)}", "not base64!"),
        (f"k1:{b64(KEY_1)}", b64(KEY_1)),
    ],
    ids=[
        "no data key",
        "no key id",
        "a key id twice",
        "short",
        "blank in the key id",
        "no look-up key",
        "not base64",
        "one key for both",
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_repeated(
    data_keys: str, lookup_key: str
) -> None:
    with pytest.raises(KeyringInvalid) as refused:
        Keyring.parse(data_keys, lookup_key)

    assert b64(KEY_1) not in str(refused.value)


def test_a_key_ring_does_not_show_its_keys() -> None:
    assert repr(ROTATED) == "Keyring(active='k2', keys=2)"


def test_masks_keep_the_least_that_helps() -> None:
    assert mask_nik("3510111708850001") == "3510********0001"
    assert mask_name("Siti  Aminah") == "S*** A***"
    assert mask_phone("+6281234567890") == "***********890"
    assert mask_account("1234567890") == "******7890"


def test_an_email_shows_its_first_letter_and_its_domain() -> None:
    assert mask_email("siti.rahma@example.org") == "s***@example.org"


def test_masks_hide_what_is_too_short_to_show_a_part_of() -> None:
    assert mask_nik("351011") == "******"
    assert mask_phone("12345") == "*****"
    assert mask_account("12345678") == "********"
    assert mask_name("") == ""
