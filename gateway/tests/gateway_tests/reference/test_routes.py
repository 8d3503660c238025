"""The pages for people are complete without the Internet, and run nothing of anybody else."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

PAGES = ("/", "/docs")
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


class Addresses(HTMLParser):
    """What a page loads, what it leads to, and whether anything runs that stands in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name, value in attrs:
            if (tag, name) in LOADED:
                self.loaded.append(value or "")
            elif name in {"href", "src", "action"}:
                self.links.append(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_only_what_we_serve_with_the_right_type(gateway: Any, path: str) -> None:
    page = Addresses((await gateway.client.get(path)).text)

    found = {each: await gateway.client.get(each) for each in page.loaded}

    assert found
    for address, answer in found.items():
        assert answer.status_code == 200, address
        ending = address[address.rindex(".") :]
        assert answer.headers["content-type"].split(";")[0] == TYPES[ending]
        assert re.findall(r"@import|url\((?!\"?data:)", styles_of(address, answer)) == []


def styles_of(address: str, answer: Any) -> str:
    return str(answer.text) if address.endswith(".css") else ""


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_of_a_page_leads_to_an_answer_of_ours(gateway: Any, path: str) -> None:
    page = Addresses((await gateway.client.get(path)).text)

    answers = {each: await gateway.client.get(each) for each in page.links}

    assert {each: answer.status_code for each, answer in answers.items()} == dict.fromkeys(
        page.links, 200
    )
    assert page.links
    assert [each for each in (*page.links, *page.loaded) if not each.startswith("/")] == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_only_files_of_ours(gateway: Any, path: str) -> None:
    answer = await gateway.client.get(path)
    policy = dict(
        each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";")
    )

    assert Addresses(answer.text).inline == []
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_reference_asks_for_our_document_and_for_no_check_of_it(gateway: Any) -> None:
    script = (await gateway.client.get("/docs/static/reference.js")).text

    assert 'url: "/openapi.json"' in script
    assert "validatorUrl: null" in script
    assert not re.search(r"https?:|//\w+\.", script)


async def test_the_start_page_gives_programs_its_links(gateway: Any) -> None:
    answer = await gateway.client.get("/", headers={"Accept": "application/json"})
    page = await gateway.client.get("/", headers={"Accept": "text/html,application/json;q=0.9"})

    links = answer.json()["links"]
    assert answer.headers["content-type"] == "application/json"
    assert links["reference"] == "/docs"
    assert [(await gateway.client.get(each)).status_code for each in links.values()] == [200] * 6
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in answer.headers["vary"]
    assert "Accept" in page.headers["vary"]


async def test_the_guide_for_front_ends_is_readable(gateway: Any) -> None:
    answer = await gateway.client.get("/docs/front-end")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("# For a front-end developer")


async def test_a_file_is_sent_compressed_and_not_again(gateway: Any) -> None:
    path = "/docs/static/swagger-ui-bundle.js"
    compressed = await gateway.client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await gateway.client.get(path, headers={"Accept-Encoding": "identity"})
    again = await gateway.client.get(path, headers={"If-None-Match": compressed.headers["etag"]})

    assert compressed.content == plain.content
    assert int(compressed.headers["content-length"]) < len(plain.content) / 2
    assert "Accept-Encoding" in compressed.headers["vary"]
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/static", "/docs/static/", "/docs/static/../docs.html", "/docs/x"]
)
async def test_only_the_listed_files_are_served(gateway: Any, path: str) -> None:
    assert (await gateway.client.get(path)).status_code == 404
