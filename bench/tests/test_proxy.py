import json

from bench.proxy import BYTES, build_request, pad


def test_bodies_have_one_kilobyte_of_json() -> None:
    assert len(pad("sent")) == BYTES
    assert list(json.loads(pad("sent"))) == ["sent"]


def test_a_post_says_how_long_its_body_is_and_a_get_has_none() -> None:
    head, _, body = build_request("POST", "token").partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head
    assert len(body) == BYTES
    assert build_request("GET", "token").endswith(b"\r\n\r\n")
