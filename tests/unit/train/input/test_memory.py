"""The memory that is free to a process, in a container and out of it."""

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


def test_a_containers_limit_counts_without_what_the_kernel_can_drop(tmp_path: Path) -> None:
    stat = f"anon 1\ninactive_file {3 * MIB}\n"
    _write(tmp_path, memory__max=f"{20 * MIB}\n", memory__current=f"{8 * MIB}\n", memory__stat=stat)
    assert free_memory(tmp_path) == 15 * MIB


def test_the_older_kind_of_limit_is_read_as_well(tmp_path: Path) -> None:
    _write(
        tmp_path / "memory",
        memory__limit_in_bytes=str(20 * MIB),
        memory__usage_in_bytes=str(8 * MIB),
        memory__stat=f"inactive_file 7\ntotal_inactive_file {MIB}\n",
    )
    assert free_memory(tmp_path) == 13 * MIB


@pytest.mark.parametrize("limit", ["max", str(1 << 62), None])
def test_without_a_limit_the_machine_counts(tmp_path: Path, limit: str | None) -> None:
    if limit:
        _write(tmp_path, memory__max=limit, memory__current="1", memory__stat="inactive_file 0")
    machine = psutil.virtual_memory()
    assert 0 < free_memory(tmp_path) <= machine.total
    assert abs(free_memory(tmp_path) - psutil.virtual_memory().available) < 0.2 * machine.total


def test_a_full_container_keeps_nothing(tmp_path: Path) -> None:
    _write(tmp_path, memory__max="5", memory__current="9", memory__stat="inactive_file 0")
    assert free_memory(tmp_path) == 0


def test_images_get_a_part_of_what_is_free() -> None:
    assert 0 < image_budget().left < 0.5 * psutil.virtual_memory().total
