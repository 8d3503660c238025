"""Every link between our pages leads to an existing file and heading."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("libs", "gateway", "services", "sandbox", "bench", "deploy")
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *(page for part in PARTS for page in ROOT.glob(f"{part}/**/*.md")),
    }
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
OUTSIDE = re.compile(r"[a-z]+:")


def links(page: Path) -> list[str]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if not OUTSIDE.match(target)]


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, derived from its headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_good(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    return file.exists() and (not anchor or anchor in headings(file))


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in links(page)
        if not is_good(page, target)
    ]

    assert broken == []


def test_every_page_of_docs_is_linked_from_another() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in links(page)
        if not target.startswith("#")
    }

    assert [page.name for page in ROOT.glob("docs/*.md") if page.resolve() not in linked] == []


def test_the_readme_names_every_feature() -> None:
    features = {
        folder.name
        for pattern in ("gateway/src/gateway/*/", "services/*/src/*/*/")
        for folder in ROOT.glob(pattern)
        if (folder / "service.py").is_file()
    }
    words = set(re.findall(r"[a-z_]+", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert len(features) > 40
    assert features - words == set()
