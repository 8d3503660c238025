from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from pydantic import ValidationError

from payment_service.settings import Settings
from perisai_kit.testing.plugin import Urls

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make(make_settings: MakeSettings, shared_urls: Urls) -> MakeSettings:
    def make_(**more: object) -> Settings:
        return make_settings(
            Settings, shared_urls, member_url="http://member", agent_url="http://agent", **more
        )

    return make_


def test_lists_are_read_by_comma(make: MakeSettings) -> None:
    settings = make(designated_banks="009, 022,", trusted_proxies="10.0.0.0/8")

    assert settings.designated_banks == ("009", "022")
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"),)


def test_lists_are_read_by_comma_from_the_environment(
    make: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERISAI_PAYMENT_DESIGNATED_BANKS", "009,022")

    assert make().designated_banks == ("009", "022")


def test_by_default_no_bank_is_listed_and_only_this_machine_is_trusted(
    make: MakeSettings,
) -> None:
    settings = make()

    assert settings.designated_banks == ()
    trusted = settings.trusted_proxies
    assert any(ip_address("127.0.0.1") in network for network in trusted)
    assert not any(ip_address("10.0.0.1") in network for network in trusted)


def test_a_cache_without_end_is_refused(make: MakeSettings) -> None:
    with pytest.raises(ValidationError):
        make(partner_cache_s=3600)
