"""The Dockerfile builds the images of docker-compose.yml from wheels of all packages."""

import shlex
from pathlib import Path

import yaml

from gateway.openapi.service import FILE_NAME

ROOT = Path(__file__).parents[2]


def dockerfile() -> list[tuple[str, list[list[str]]]]:
    """Return the stages of the Dockerfile: their names, and their instructions by words."""
    stages: list[tuple[str, list[list[str]]]] = []
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["FROM"]:
            stages.append((words[-1], []))
        elif words:
            stages[-1][1].append(words)
    return stages


def test_dockerfile_copies_what_exists_and_what_is_not_ignored() -> None:
    copied = [
        path
        for _, instructions in dockerfile()
        for words in instructions
        if words[0] == "COPY" and not words[1].startswith("--from=")
        for path in words[1:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert len(copied) >= 6
    for path in copied:
        assert (ROOT / path).exists()
        assert {f"!{path}", f"!{path.split('/')[0]}"} & set(ignored)
    assert ignored[1] == "*"


def test_images_hold_wheels_of_all_our_packages_and_nothing_of_the_checkout() -> None:
    stages = dict(dockerfile())
    built = {
        path
        for words in stages["wheels"]
        if words[:5] == ["RUN", "python", "-m", "pip", "wheel"]
        for path in words
        if (ROOT / path / "pyproject.toml").is_file()
    }
    projects = {
        path.parent.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]
    }
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    images = {each["build"]["target"] for each in compose["services"].values() if "build" in each}

    assert built == projects
    assert images == {"platform", "sandbox"}
    for image in images:
        sources = [path for words in stages[image] if words[0] == "COPY" for path in words[1:-1]]
        assert [path for path in sources if path.split("/")[0] in {"libs", "services"}] == []
        install = shlex.split("RUN python -m pip install --no-index --no-deps")
        assert [*install, f"/wheels/{image}/*.whl"] in stages[image]


def test_image_build_makes_the_document_of_the_api_before_the_gateways_wheel() -> None:
    runs = [words[1:] for words in dict(dockerfile())["wheels"] if words[0] == "RUN"]

    made = runs.index(
        ["python", "-m", "sandbox.openapi", f"gateway/src/gateway/openapi/{FILE_NAME}"]
    )

    assert runs[made - 1][:4] == ["python", "-m", "pip", "install"]
    assert runs[made + 1][:4] == ["python", "-m", "pip", "wheel"]
    assert runs[made + 1][-2:] == ["/wheels/platform", "gateway"]


def test_images_run_as_nobody_in_particular() -> None:
    stages = dict(dockerfile())

    assert [stages[image][-1] for image in ("platform", "sandbox")] == [["USER", "perisai"]] * 2
