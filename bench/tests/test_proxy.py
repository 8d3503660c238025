import json

from bench.proxy import BYTES, padded, raw_request


def test_bodies_have_one_kilobyte_of_json() -> None:
    assert len(padded("sent")) == BYTES
    assert list(json.loads(padded("sent"))) == ["sent"]


def test_a_post_says_how_long_its_body_is_and_a_get_has_none() -> None:
    head, _, body = raw_request("POST", "token").partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head
    assert len(body) == BYTES
    assert raw_request("GET", "token").endswith(b"\r\n\r\n")
