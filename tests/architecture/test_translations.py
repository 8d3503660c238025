"""A page in Indonesian says what its English page says, as far as a test can tell.

Section by section both have the same blocks of code, the same words in code style (routes, fields,
codes, settings), the same numbers, links and shapes of tables and lists. So a change of one page
fails here until the other one follows.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRANSLATED = ("front-end.md", "banks.md")
"""Pages of docs/ with a page of the same name in docs/id/."""
SUMMARY = "README.id.md"
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) .+$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ITEM = re.compile(r"^ *(?:-|\d+\.) ", re.MULTILINE)
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,/]\d+)*")


@dataclass(frozen=True)
class Section:
    """What a section has in any language. page: where its links begin."""

    level: int
    text: str
    page: Path

    @property
    def prose(self) -> str:
        return FENCED.sub("", self.text)

    @property
    def blocks(self) -> list[str]:
        return FENCED.findall(self.text)

    @property
    def words_in_code(self) -> set[str]:
        return {" ".join(each.split()) for each in CODE.findall(self.prose)}

    @property
    def numbers(self) -> set[str]:
        """Numbers outside code and links; `5,000` is written `5.000` in Indonesian."""
        return read_numbers(ITEM.sub("", LINK.sub("]", CODE.sub("", self.prose))))

    @property
    def links(self) -> Counter[str]:
        """The pages that its links lead to, each once whatever its language."""
        names = [target.partition("#")[0] or self.page.name for target in LINK.findall(self.prose)]
        return Counter(Path(name).name for name in names)

    @property
    def columns(self) -> list[int]:
        return [row.count("|") - row.count(r"\|") for row in ROW.findall(self.prose)]

    @property
    def items(self) -> int:
        return len(ITEM.findall(self.prose))


def read_numbers(text: str) -> set[str]:
    return {each.replace(".", "").replace(",", "") for each in NUMBER.findall(text)}


def read(page: Path) -> list[Section]:
    """Cut a page at its headings; a `#` in a block of code is none."""
    text = page.read_text(encoding="utf-8")
    hidden = FENCED.sub(lambda found: "\0" * len(found[0]), text)
    starts = [(each.start(), len(each[1])) for each in HEADING.finditer(hidden)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [
        Section(level, text[start:end], page)
        for (start, level), end in zip(starts, ends, strict=True)
    ]


def title(section: Section) -> str:
    return section.text.partition("\n")[0]


PARTS: dict[str, Callable[[Section], object]] = {
    "blocks of code": lambda each: each.blocks,
    "words in code style": lambda each: sorted(each.words_in_code),
    "numbers": lambda each: sorted(each.numbers),
    "links": lambda each: sorted(each.links.items()),
    "columns of its tables": lambda each: each.columns,
    "items of its lists": lambda each: each.items,
}


@pytest.fixture(params=TRANSLATED)
def pages(request: pytest.FixtureRequest) -> tuple[list[Section], list[Section]]:
    """The sections of a page, in English and in Indonesian."""
    name = str(request.param)
    return read(ROOT / "docs" / name), read(ROOT / "docs" / "id" / name)


def test_every_heading_has_its_counterpart(pages: tuple[list[Section], list[Section]]) -> None:
    english, indonesian = pages

    assert [each.level for each in indonesian] == [each.level for each in english]


@pytest.mark.parametrize("part", PARTS)
def test_each_section_has_the_same_parts(
    pages: tuple[list[Section], list[Section]], part: str
) -> None:
    find = PARTS[part]

    differing = {
        title(english): (find(english), find(indonesian))
        for english, indonesian in zip(*pages, strict=True)
        if find(english) != find(indonesian)
    }

    assert differing == {}


def test_every_page_in_indonesian_is_compared() -> None:
    assert sorted(page.name for page in ROOT.glob("docs/id/*")) == sorted(TRANSLATED)


@pytest.mark.parametrize("name", TRANSLATED)
def test_each_page_links_the_other_language_at_its_top(name: str) -> None:
    english, indonesian = read(ROOT / "docs" / name)[0], read(ROOT / "docs" / "id" / name)[0]

    assert f"](id/{name})" in english.text
    assert f"](../{name})" in indonesian.text


def test_the_summary_says_no_command_and_no_number_that_the_readme_does_not() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    sections = read(ROOT / SUMMARY)

    foreign = [
        block
        for section in sections
        for block in section.blocks
        if " ".join(block.split()) not in readme
    ]
    unknown = {
        word for each in sections for word in each.words_in_code if f"`{word}`" not in readme
    }
    numbers = set().union(*(each.numbers for each in sections))

    assert foreign == []
    assert unknown == set()
    assert numbers - read_numbers(readme) == set()
    assert f"]({SUMMARY})" in readme[:400]


CHANGES = {
    "blocks of code": ("```sh\necho 1\n```", "```sh\necho 2\n```"),
    "words in code style": ("See `GET /v1/members`.", "Lihat `GET /v1/member`."),
    "numbers": ("It lasts 900 seconds.", "Berlaku 90 detik."),
    "links": ("See [errors](errors.md).", "Lihat daftar kode."),
    "columns of its tables": ("| a | b |", "| a |"),
    "items of its lists": ("- one\n- two", "- satu"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_page_that_does_not_follow_is_found(part: str, tmp_path: Path) -> None:
    texts = CHANGES[part]
    files = [tmp_path / "english.md", tmp_path / "indonesian.md"]
    for file, text in zip(files, texts, strict=True):
        file.write_text(f"# A title\n\n{text}\n", encoding="utf-8")

    (english,), (indonesian,) = (read(file) for file in files)

    assert PARTS[part](english) != PARTS[part](indonesian)
