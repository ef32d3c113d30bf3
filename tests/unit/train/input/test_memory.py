"""Free memory of a process, inside a container and outside."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from components.train.input.memory import free_memory, image_budget

MIB = 1 << 20


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_free_memory_counts_a_containers_limit_without_the_droppable_cache(tmp_path: Path) -> None:
    stat = f"anon 1\ninactive_file {3 * MIB}\n"
    _write(tmp_path, memory__max=f"{20 * MIB}\n", memory__current=f"{8 * MIB}\n", memory__stat=stat)
    assert free_memory(tmp_path) == 15 * MIB


def test_free_memory_reads_cgroup_version_1(tmp_path: Path) -> None:
    _write(
        tmp_path / "memory",
        memory__limit_in_bytes=str(20 * MIB),
        memory__usage_in_bytes=str(8 * MIB),
        memory__stat=f"inactive_file 7\ntotal_inactive_file {MIB}\n",
    )
    assert free_memory(tmp_path) == 13 * MIB


@pytest.mark.parametrize("limit", ["max", str(1 << 62), None])
def test_free_memory_is_the_machines_without_a_limit(tmp_path: Path, limit: str | None) -> None:
    if limit:
        _write(tmp_path, memory__max=limit, memory__current="1", memory__stat="inactive_file 0")
    machine = psutil.virtual_memory()
    assert 0 < free_memory(tmp_path) <= machine.total
    assert abs(free_memory(tmp_path) - psutil.virtual_memory().available) < 0.2 * machine.total


def test_free_memory_of_a_full_container_is_zero(tmp_path: Path) -> None:
    _write(tmp_path, memory__max="5", memory__current="9", memory__stat="inactive_file 0")
    assert free_memory(tmp_path) == 0


def test_image_budget_is_a_part_of_the_free_memory() -> None:
    assert 0 < image_budget().left < 0.5 * psutil.virtual_memory().total
