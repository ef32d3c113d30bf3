"""The site of the documentation shows every page, and names no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from docs.build_site import CONFIG, REPOSITORY, expanded, sources


def pages_of(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for value in entry.values():
            yield from pages_of(value)
    elif isinstance(entry, list):
        for one in entry:
            yield from pages_of(one)


def test_the_navigation_leads_to_every_page_once() -> None:
    nav = expanded(yaml.safe_load(CONFIG.read_text())["nav"])
    listed = sorted(pages_of(nav))
    pages = [str(p.relative_to(REPOSITORY)) for p in sources() if p.suffix == ".md"]
    assert listed == sorted(pages)


@pytest.mark.parametrize("name", ["docs/images/result.jpg", "docs/reference/status.schema.json"])
def test_what_pages_show_or_lead_to_is_part_of_the_site(name: str) -> None:
    assert REPOSITORY / name in sources()
