"""Draw the structure in docs/architecture.md from the imports in the code, as Mermaid."""

from __future__ import annotations

from collections.abc import Iterator

import grimp

PACKAGES = ("pipelines", "components", "tfds_cityscapes")
CONTRACTS = "components.contracts"
Edges = set[tuple[str, str]]


def architecture(page: str) -> str:
    """Return the page with its two pictures drawn again, each between its pair of markers."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)}
    # A folder is drawn with a slash, a single file with its ending.
    folders = {name.rpartition(".")[0] for name in graph.modules}
    for name, picture in (
        ("layers", _layers(imports, folders)),
        ("rooms of contracts", _rooms_of_contracts(imports)),
    ):
        begin, end = f"<!-- {name}: drawn by `make reference` -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"Markers not found in docs/architecture.md: {begin} … {end}.")
        page = f"{before}{begin}\n\n```mermaid\n{picture}\n```\n\n{end}{after}"
    return page


def _layers(imports: Edges, folders: set[str]) -> str:
    """Draw the rooms of pipelines, the steps, and below them contracts and the data set."""

    def box(module: str) -> str:
        parts = module.split(".")
        return parts[0] if parts[0] == "tfds_cityscapes" else ".".join(parts[:2])

    edges = reduce({(box(a), box(b)) for a, b in imports})
    boxes = sorted({name for edge in edges for name in edge} - {CONTRACTS, "tfds_cityscapes"})
    lines = ["flowchart TD"]
    for package in ("pipelines", "components"):
        lines.append(f'  subgraph {package}["{package}/"]')
        for name in boxes:
            if name.startswith(f"{package}."):
                last = name.partition(".")[2]
                lines.append(f"    {_box(name, last + ('/' if name in folders else '.py'))}")
        lines.append("  end")
    lines.append(f"  {_box(CONTRACTS, 'components/contracts/')}")
    lines.append(f"  {_box('tfds_cityscapes', 'tfds_cityscapes/')}")
    return "\n".join([*lines, *_arrows(edges)])


def _rooms_of_contracts(imports: Edges) -> str:
    inside = f"{CONTRACTS}."
    edges = reduce(
        {
            (a.removeprefix(inside).split(".")[0], b.removeprefix(inside).split(".")[0])
            for a, b in imports
            if a.startswith(inside) and b.startswith(inside)
        }
    )
    boxes = sorted({name for edge in edges for name in edge})
    return "\n".join(
        ["flowchart TD", *(f"  {_box(name, f'{name}/')}" for name in boxes), *_arrows(edges)]
    )


def reduce(edges: Edges) -> Edges:
    """Leave out each arrow that follows from the others: with all of them, nobody can read it."""
    kept = {(a, b) for a, b in edges if a != b}
    for edge in sorted(kept):
        if edge[1] in _reachable(edge[0], kept - {edge}):
            kept.remove(edge)
    return kept


def _reachable(start: str, edges: Edges) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        new = {b for a, b in edges if a == here} - seen
        seen |= new
        ahead += new
    return seen


def _box(name: str, label: str) -> str:
    return f'{_id(name)}["{label}"]'


def _arrows(edges: Edges) -> Iterator[str]:
    yield from (f"  {_id(a)} --> {_id(b)}" for a, b in sorted(edges))


def _id(name: str) -> str:
    return f"room_{name.replace('.', '_')}"  # `end` and the like are words of Mermaid
