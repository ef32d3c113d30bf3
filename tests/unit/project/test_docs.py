"""The documentation names what exists, and everything that exists is documented."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from pydantic import BaseModel

from components.contracts.recipe.recipe import Recipe, keys, load
from components.contracts.scores.report import SplitScores
from components.contracts.step.report import CycleReport
from pipelines.campaign.status import CampaignStatus
from pipelines.cli import main as streetloop
from pipelines.cluster.cli import check_command, compile_command, submit_command
from pipelines.cluster.places import campaign_root, check_places, mlflow_in_pods

REPOSITORY = Path(__file__).resolve().parents[3]
DOCS = REPOSITORY / "docs"
CONTRACTS = DOCS / "reference" / "contracts.md"
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "mlflow/README.md")
STEPS = sorted(path.parent for path in (REPOSITORY / "components").glob("*/component.py"))
STEP_PAGES = [step / "README.md" for step in STEPS]
PAGES = [*(REPOSITORY / name for name in TOP), *STEP_PAGES, *sorted(DOCS.rglob("*.md"))]
NAMES = [str(path.relative_to(REPOSITORY)) for path in PAGES]
each_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)

KEYS = set(keys())
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
ENDINGS = ("py", "md", "json", "yaml", "yml", "html", "png", "zip", "xml", "keras", "toml", "txt")


def code_of(text: str) -> list[str]:
    """Lines of code blocks, continued ones joined, and inline code."""
    blocks = [body.replace("\\\n", " ") for _, body in FENCE.findall(text)]
    return [line for body in blocks for line in body.splitlines()] + inline_of(text)


def inline_of(text: str) -> list[str]:
    return INLINE.findall(FENCE.sub("", text))


def makefile_targets() -> set[str]:
    text = (REPOSITORY / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", text, re.MULTILINE))


def calls_of(text: str) -> Iterator[list[str]]:
    """The words of every `streetloop COMMAND …` in the code of a page."""
    for line in code_of(text):
        found = re.match(r"(?:\$ )?(?:.*&& )?(?:\S*/)?streetloop ([a-z-]+\b.*)", line.strip())
        if found:
            words = shlex.split(re.split(r" (?:>>?|\||&&|#) ?", found.group(1))[0])
            yield words


def command_of(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """The command that these words call, and what follows its name."""
    command: click.Command | None = streetloop
    while isinstance(command, click.Group) and words:
        command, words = command.commands.get(words[0]), words[1:]
    return command, words


def all_commands(group: click.Group = streetloop, path: str = "streetloop") -> Iterator:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@each_page
def test_every_command_and_option_that_a_page_calls_exists(page: Path) -> None:
    for words in calls_of(page.read_text()):
        command, rest = command_of(words)
        assert command is not None, f"streetloop {' '.join(words)}: no such command"
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        options |= {"--help", "-h"}
        for place, word in enumerate(rest):
            if not word.startswith("-"):
                continue
            name, _, value = word.partition("=")
            assert name in options, f"streetloop {' '.join(words)}: no option {name}"
            if name == "--set":
                change = value or rest[place + 1]
                assert change == "KEY=VALUE" or change.partition("=")[0] in KEYS, change


@each_page
def test_every_run_on_a_cluster_that_a_page_shows_names_places_that_pods_reach(page: Path) -> None:
    for words in calls_of(page.read_text()):
        command, rest = command_of(words)
        if command not in (submit_command, compile_command, check_command) or "--root" not in rest:
            continue
        given = command.make_context("", list(rest)).params
        path = REPOSITORY / given["recipe"]
        if path.exists():
            made = load(path, given["changes"], given["data"])
            check_places(made)
            assert mlflow_in_pods(made, campaign_root(made, given["root"])), words


@each_page
def test_every_module_and_option_that_a_page_runs_exists(page: Path) -> None:
    for code in code_of(page.read_text()):
        found = re.search(r"python -m ((?:components|tfds_cityscapes)\.\w+)(.*)", code)
        if found:
            folder = REPOSITORY / found.group(1).replace(".", "/")
            assert (folder / "__main__.py").exists(), found.group(1)
            source = "".join(path.read_text() for path in folder.rglob("*.py"))
            for option in re.findall(r"--[a-z][a-z-]*", found.group(2)):
                assert option == "--help" or f'"{option}"' in source, code


@each_page
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    named = {
        target
        for line in code_of(page.read_text())
        for target in re.findall(r"(?:^|&& |\$ )make ([a-z][a-z0-9-]*)", line.strip())
    }
    assert named <= makefile_targets()


@each_page
def test_every_recipe_key_that_a_page_names_exists(page: Path) -> None:
    sections = "|".join(name for name in Recipe.model_fields)
    for code in inline_of(page.read_text()):
        found = re.fullmatch(rf"((?:{sections})(?:\.[a-z_]+)+)(?:[=:].*)?", code)
        if found and found.group(1).rpartition(".")[2] not in ENDINGS:
            assert found.group(1) in KEYS


@each_page
def test_every_recipe_that_a_page_shows_is_one(page: Path) -> None:
    for language, body in FENCE.findall(page.read_text()):
        shown = yaml.safe_load(body) if language == "yaml" else None
        if isinstance(shown, dict) and set(shown) & set(Recipe.model_fields):
            Recipe.model_validate({"name": "shown"} | shown)  # which rejects unknown keys


@each_page
def test_every_file_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    rooms = "pipelines|components|tfds_cityscapes|containers|tests|benchmarks|docs|requirements"
    for code in code_of(page.read_text()):
        for path in re.findall(rf"(?:^|\s)((?:{rooms})/[\w./-]*[\w/])(?=$|\s)", code):
            assert (REPOSITORY / path).exists(), path


@pytest.mark.parametrize("page", STEP_PAGES, ids=[step.name for step in STEPS])
def test_every_file_of_a_step_that_its_page_names_exists(page: Path) -> None:
    named = re.findall(r"`(\w+(?:\.py|/))`", page.read_text().partition("**Files:**")[2])
    assert len(named) > 1
    assert [name for name in named if not (page.parent / name).exists()] == []


@each_page
def test_relative_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@each_page
def test_no_page_names_a_host_of_packages_or_images(page: Path) -> None:
    # In pieces, so that this file names none either.
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("docker", "io"), ("quay", "io")]
    hosts += [("gcr", "io"), ("ghcr", "io"), ("npmjs", "org"), ("huggingface", "co")]
    named = [".".join(h) for h in hosts if ".".join(h) in page.read_text().lower()]
    assert named == []


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "reference" / "commands.md").read_text()
    for name, command in all_commands():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert section, f"{name} has no section"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                missing = [o for o in parameter.opts if f"`{o}`" not in section]
                assert missing == [], f"{name}: {missing}"


def test_every_command_shows_an_example_that_can_be_parsed() -> None:
    for name, command in all_commands():
        example = (command.help or "").partition("Example: ")[2].strip()
        assert example.startswith(name), f"{name} has no example"
        words = shlex.split(example)[len(name.split()) :]
        command.make_context(name, words)


def test_every_recipe_key_is_documented_with_a_meaning() -> None:
    text = (DOCS / "reference" / "recipes.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.]+)` \|.*\| ([^|]*) \|$", text, re.MULTILINE))
    assert set(rows) == KEYS
    assert [key for key, meaning in rows.items() if len(meaning) < 3] == []


def test_every_key_of_a_cycles_report_is_documented() -> None:
    section = CONTRACTS.read_text().partition("\n## report.json\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    assert {key for row in rows for key in INLINE.findall(row)} == set(CycleReport.model_fields)
    missing = [key for key in SplitScores.model_fields if f"`{key}`" not in section]
    assert missing == []


def test_the_status_that_the_reference_shows_is_one() -> None:
    (shown,) = [body for kind, body in FENCE.findall(CONTRACTS.read_text()) if kind == "json"]
    status = CampaignStatus.model_validate_json(shown)
    assert json.loads(shown) == status.model_dump(mode="json")


def test_every_make_target_is_documented_with_a_meaning() -> None:
    text = (DOCS / "reference" / "commands.md").read_text()
    rows = dict(re.findall(r"^- `make ([a-z0-9-]+)`: ?(.*)$", text, re.MULTILINE))
    assert set(rows) == makefile_targets()
    assert [target for target, meaning in rows.items() if not meaning] == []


def test_the_generated_reference_is_up_to_date() -> None:
    command = [sys.executable, str(DOCS / "generate_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, f"{done.stdout}{done.stderr} Run `make reference`."


@pytest.mark.parametrize("script", sorted(path.name for path in DOCS.glob("make_*.py")))
def test_every_script_that_makes_a_picture_starts(script: str) -> None:
    command = [sys.executable, str(DOCS / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr


def test_picture_leaves_out_only_arrows_that_follow_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from architecture_picture import reduce

    assert reduce({("a", "b"), ("b", "c"), ("a", "c"), ("a", "a")}) == {("a", "b"), ("b", "c")}
    circle = {("a", "b"), ("b", "a")}
    assert reduce(circle) == circle


def test_no_word_of_the_reference_is_written_twice() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        from recipe_page import attributes, group_in
        from recipe_words import WORDS
    finally:
        sys.path.remove(str(DOCS))

    def documented(model: type[BaseModel], prefix: str) -> Iterator[str]:
        yield from (f"{prefix}{name}" for name in attributes(model))
        for name, info in model.model_fields.items():
            group = group_in(info.annotation)
            if group is not None:
                yield from documented(group, f"{prefix}{name}.")

    assert set(WORDS) <= KEYS
    assert set(WORDS) & set(documented(Recipe, "")) == set()


def test_every_decision_is_in_the_index() -> None:
    records = sorted(p.name for p in (DOCS / "decisions").glob("[0-9]*.md"))
    assert [name[:4] for name in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (DOCS / "decisions/README.md").read_text())
    assert listed == records
    for name in records:
        headings = re.findall(r"^## (\w+)", (DOCS / "decisions" / name).read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], name
