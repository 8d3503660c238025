"""Certificates are checked, by one context that all clients of a process share."""

import ssl

from perisai_kit.runtime.tls import get_ssl_context


def test_a_certificate_must_be_good_and_of_that_host() -> None:
    context = get_ssl_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0


def test_the_authorities_are_read_once() -> None:
    assert get_ssl_context() is get_ssl_context()
