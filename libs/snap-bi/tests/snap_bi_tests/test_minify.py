import json

import hypothesis.strategies as st
from hypothesis import example, given

from snap_bi.minify import hash_body, minify

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def minify_slowly(body: bytes) -> bytes:
    """Minify byte by byte, as the standard defines it."""
    kept = bytearray()
    inside = escaped = False
    for byte in body:
        if inside:
            kept.append(byte)
            if escaped:
                escaped = False
            elif byte == ord("\\"):
                escaped = True
            elif byte == ord('"'):
                inside = False
        elif byte not in b" \t\r\n":
            kept.append(byte)
            inside = byte == ord('"')
    return bytes(kept)


@given(st.binary() | st.text(alphabet=' \t\r\n"\\{}[]:,a1/é').map(str.encode))
@example(b'"unfinished \\')
@example(b'{"a":"\\\\" , "b" : "\\" "}')
@example(b"\xef\xbb\xbf{ }")
def test_any_bytes_are_treated_as_the_definition_says(body: bytes) -> None:
    assert minify(body) == minify_slowly(body)


@given(st.binary())
def test_minifying_twice_changes_nothing_more(body: bytes) -> None:
    assert minify(minify(body)) == minify(body)


@given(JSON, st.integers(0, 4), st.booleans())
def test_layout_does_not_change_the_hash(value: object, indent: int, ascii_only: bool) -> None:
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
    pretty = json.dumps(value, indent=indent, separators=(" ,", "\t: "), ensure_ascii=ascii_only)

    assert minify(pretty.encode("utf-8", "surrogatepass")) == compact.encode(
        "utf-8", "surrogatepass"
    )


@given(JSON)
def test_minifying_keeps_the_parsed_value(value: object) -> None:
    body = json.dumps(value, indent=2).encode()

    assert json.loads(minify(body)) == json.loads(body)


def test_no_body_hashes_as_empty_and_an_empty_object_does_not() -> None:
    assert hash_body(b"") == hash_body(b" \r\n")
    assert hash_body(b"") != hash_body(b"{}")
