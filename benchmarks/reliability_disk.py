"""A disk that is full at every write of a training, and of the commands after it: is anything damaged?

    make bench-reliability      (or: python benchmarks/reliability_disk.py --sizes 40)

A training is started on small file systems in memory (tmpfs) of many sizes, once for its run folder and once for the
cache of prepared faces, so that the disk is full at each of its writes in turn. It has to end with exit code 2 and one
line. Then the file system is made larger, the training goes on, and its bits are compared with those of a training that
always had space. Other commands then run in a disk with a few kB left.

Linux only: the file systems are mounted in a mount namespace of its own (`unshare`), which a user who is not root may
make on most systems. Nothing else sees them, and they are gone with the process.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reliability_common import Forked, bits, copy_pictures, damage, report, training

from twinface.training.run_folder import RunFolder

SMALLEST = 4  # kB
LARGE = 200_000  # kB
SETTINGS = ("trainer.epochs=3", "trainer.save_every=0")
LEFT = (0, 4, 8, 16, 32, 64, 128)  # kB that other commands have, unless --left says otherwise


@dataclass
class Found:
    """What happened on full disks."""

    full: int = 0
    finished: int = 0
    unclear: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    not_continued: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


@contextmanager
def disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of that size, mounted at `place`."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def enlarge(place: Path) -> None:
    """Makes space in a file system that `disk` mounted."""
    subprocess.run(["mount", "-o", f"remount,size={LARGE}k", str(place)], check=True)


def used(place: Path) -> int:
    """kB that a file system holds."""
    return shutil.disk_usage(place).used // 1024


def on_sizes(forked: Forked, base: Path, sizes: Sequence[int], small: str, whole: dict[str, str]) -> Found:
    """Trains on file systems of these sizes, which hold the run folder or the cache (`small`), and goes on."""
    found = Found()
    for size in sizes:
        with (
            disk(base / "out", size if small == "run" else LARGE) as out,
            disk(base / "cache", size if small == "cache" else LARGE) as cache,
        ):
            folder = RunFolder(out / "run")
            ended = forked.run(training(folder.path, *SETTINGS), cache)
            what = f"{small} of {size} kB"
            if ended.code == 0:
                found.finished += 1
            else:
                found.full += 1
                if not ended.is_refusal or "written" not in ended.err:
                    found.unclear.append(f"{what}: exit {ended.code}: {ended.err[-400:]}")
                found.damaged += [f"{what}: {problem}" for problem in damage(folder.path)]
                enlarge(out if small == "run" else cache)
                again = (
                    ["train", "--resume", str(folder.path)]
                    if folder.manifest.exists()
                    else training(folder.path, *SETTINGS)
                )
                ended = forked.run(again, cache)
                if ended.code != 0:
                    found.not_continued.append(f"{what}: exit {ended.code}: {ended.err[-400:]}")
                    continue
            if bits(folder) != whole:
                found.different.append(what)
        print(f"  {what}: {found.full} full, {found.finished} finished so far", file=sys.stderr)
    return found


def other_commands(
    forked: Forked, base: Path, finished: Path, cache: Path, kilobytes: Sequence[int]
) -> Found:
    """Runs commands that write into a finished run, or beside it, with so little space left."""
    found = Found()
    pictures = copy_pictures(base / "pictures", 40)
    for left in kilobytes:
        with disk(base / "out", LARGE) as out:
            folder = out / "run"
            shutil.copytree(finished, folder)
            subprocess.run(["mount", "-o", f"remount,size={used(out) + left}k", str(out)], check=True)
            commands = {
                "evaluate": ["evaluate", str(folder), "--protocol", "unseen"],
                "report": ["report", str(folder)],
                "export": ["export", str(folder)],
                "embed": [
                    "embed",
                    str(pictures),
                    "--aligned",
                    "--out",
                    str(out / "embedded"),
                    "--model",
                    str(finished),
                ],
                "resume": ["train", "--resume", str(folder)],
            }
            for name, arguments in commands.items():
                ended = forked.run(arguments, cache)
                what = f"{name} with {left} kB left"
                found.full, found.finished = (
                    found.full + (ended.code != 0),
                    found.finished + (ended.code == 0),
                )
                if ended.code != 0 and not ended.is_refusal:
                    found.unclear.append(f"{what}: exit {ended.code}: {ended.err[-400:]}")
                found.damaged += [f"{what}: {problem}" for problem in damage(folder)]
            enlarge(out)
            for name, arguments in commands.items():
                if (ended := forked.run(arguments, cache)).code != 0:
                    found.not_continued.append(
                        f"{name} after {left} kB: exit {ended.code}: {ended.err[-400:]}"
                    )
    return found


def show(title: str, found: Found) -> bool:
    """Prints what was found; whether it is as it should be."""
    problems = {
        "without one clear line and exit code 2": found.unclear,
        "damaged files, halves of runs": found.damaged,
        "not continued after space was freed": found.not_continued,
        "other bits than with space from the beginning": found.different,
    }
    counts: dict[str, object] = {"ended on a full disk": found.full, "finished": found.finished}
    report(title, counts | {name: len(lines) for name, lines in problems.items()})
    for lines in problems.values():
        for line in lines:
            print(f"- {line}")
    return not any(problems.values())


def sizes_up_to(need: int, count: int) -> list[int]:
    """So many sizes from `SMALLEST` to what is needed, in equal steps, in kB."""
    return [round(SMALLEST + (need - SMALLEST) * step / max(count - 1, 1)) for step in range(count)]


def main() -> int:
    """Prints a table for run folders, one for caches, one for other commands; 1 if something was damaged."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, default=40)
    parser.add_argument("--left", type=int, nargs="*", default=LEFT, help="kB that other commands have")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        again = [sys.executable, __file__, "--inside", *sys.argv[1:]]
        return subprocess.run(["unshare", "--mount", "--map-root-user", *again], check=False).returncode
    with tempfile.TemporaryDirectory() as folder, disk(Path(folder), LARGE):
        base = Path(folder)
        forked, finished, cache = Forked(base), base / "whole", base / "whole-cache"
        ended = forked.run(training(finished, *SETTINGS), cache)
        assert ended.code == 0, ended.err
        whole = bits(RunFolder(finished))
        # A new file is written beside the one that it replaces, so more is needed than remains.
        need = {"run": round(1.3 * _size(finished)), "cache": round(1.2 * _size(cache))}
        right = True
        for small, kilobytes in need.items():
            found = on_sizes(forked, base, sizes_up_to(kilobytes, given.sizes), small, whole)
            right &= show(
                f"A full disk, {small}: {given.sizes} sizes from {SMALLEST} to {kilobytes} kB", found
            )
        right &= show(
            f"Other commands with {min(given.left)} to {max(given.left)} kB left",
            other_commands(forked, base, finished, cache, given.left),
        )
    return 0 if right else 1


def _size(folder: Path) -> int:
    """kB of the files below a folder, in blocks of 4 kB."""
    return sum(-(-path.stat().st_size // 4096) * 4 for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
