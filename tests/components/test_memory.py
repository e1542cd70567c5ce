from pathlib import Path

import pytest

from components.memory import available_memory

GB = 2**30


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    """Folders like /proc and /sys/fs/cgroup, of a machine with 8 GB of which 6 are available."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: {8 * GB // 1024} kB\nMemAvailable: {6 * 2**20} kB\n")
    (proc / "self" / "cgroup").write_text("0::/jobs/one\n")
    (groups / "jobs" / "one").mkdir(parents=True)
    return proc, groups


def write(folder: Path, **values: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_without_limits_it_is_what_the_kernel_says(machine: tuple[Path, Path]) -> None:
    assert available_memory(*machine) == 6 * GB


def test_the_limit_of_a_group_counts_less_what_the_group_uses(machine: tuple[Path, Path]) -> None:
    stat = f"anon 1\ninactive_file {GB}"
    values = {"memory__max": 4 * GB, "memory__current": 2 * GB, "memory__stat": stat}
    write(machine[1] / "jobs" / "one", **values)
    assert available_memory(*machine) == 3 * GB  # files in the page cache can be dropped


def test_the_tightest_of_the_groups_around_counts(machine: tuple[Path, Path]) -> None:
    write(machine[1] / "jobs", memory__max=GB, memory__current=0)
    write(machine[1] / "jobs" / "one", memory__max="max", memory__current=5)
    assert available_memory(*machine) == GB


def test_the_older_kind_of_groups(machine: tuple[Path, Path]) -> None:
    proc, groups = machine
    (proc / "self" / "cgroup").write_text("5:cpu:/jobs\n4:memory,hugetlb:/jobs\n")
    limits = {"memory__limit_in_bytes": 2 * GB, "memory__usage_in_bytes": GB // 2}
    write(groups / "memory" / "jobs", **limits)
    write(groups / "memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=7)
    assert available_memory(*machine) == 3 * GB // 2


def test_this_machine() -> None:
    assert 2**20 < available_memory() < 2**50
