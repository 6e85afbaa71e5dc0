"""Fresh runs under other hash seeds, locales, encodings and time zones: are weights, scores and reports equal?

    make bench-reliability      (or: python benchmarks/reliability_fresh.py)

Each environment has a cache of its own and does the same: it trains, evaluates, embeds, draws a report and runs a small
study. Everything that is left is then compared, but for times, dates and the salt of the hashes of people.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from reliability_common import bits, copy_pictures, report, run, training
from reliability_two_at_once import STUDY

from twinface.training.run_folder import RunFolder

# The second one prints ASCII alone, and the third has a language whose upper case of i is not I, where it is installed.
ENVIRONMENTS = {
    "one": {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    "two": {
        "PYTHONHASHSEED": "1",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    },
    "three": {"PYTHONHASHSEED": "4294967295", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
}
# Values that tell times and dates, or follow from the salt.
APART = {"seconds", "images_per_second", "started", "finished", "salt", "command", "machine", "written"}
DURATIONS = re.compile(r"\d[\d.,]*\s*(?:ms|s|min|h|img/s|pictures/s|images a second|a second)\b")


def live(environment: dict[str, str], place: Path) -> dict[str, Any]:
    """What a user of an environment gets, as values to compare."""
    place.mkdir()
    more = {**os.environ, **environment, "TWINFACE_CACHE": str(place / "cache")}
    copy_pictures(place / "pictures", 60)
    (place / "study.toml").write_text(STUDY, encoding="utf-8")
    said = {}
    for name, arguments in {
        "train": training("run", "trainer.epochs=4"),
        "evaluate": ["evaluate", "run", "--protocol", "unseen"],
        "evaluate --json": ["evaluate", "run", "--protocol", "unseen", "--json"],
        "report": ["report", "run"],
        "embed": ["embed", "pictures", "--aligned", "--model", "run", "--out", "embedded"],
        "data info": ["data", "info", "orl"],
        "sweep": ["sweep", "study.toml", "--jobs", "1", "--out", "study", "--json"],
        "doctor": ["doctor"],
        "a wrong setting": ["train", "--data", "orl", "--set", "trainer.epöch=1"],
    }.items():
        ended = run(arguments, cwd=str(place), env=more, encoding="utf-8", errors="replace")
        assert ended.code == (2 if name == "a wrong setting" else 0), (name, environment, ended.err[-2000:])
        assert not ended.has_traceback, (name, environment, ended.err[-2000:])
        said[name] = ended.out
    folder = RunFolder(place / "run")
    results = json.loads(said["evaluate --json"])
    return {
        "bits": bits(folder),
        "run.json": _without_times(json.loads(folder.manifest.read_text(encoding="utf-8"))),
        "settings.toml": folder.settings_file.read_text(encoding="utf-8"),
        "results": _without_times(results),
        "scores": _arrays(folder.path / "results" / "unseen.npz"),
        "embeddings": hashlib.sha256(np.load(place / "embedded" / "embeddings.npy").tobytes()).hexdigest(),
        "report": _plain(folder.path / "report.html", place),
        "study": _without_times(json.loads(said["sweep"])),
        "study's report": _plain(place / "study" / "report.html", place),
    }


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(each) for name, each in value.items() if name not in APART}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def _arrays(path: Path) -> dict[str, str]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: hashlib.sha256(arrays[name].tobytes()).hexdigest() for name in arrays.files}


def _plain(path: Path, place: Path) -> list[str]:
    """The lines of a page, without times, speeds and dates, and without the folder's own place."""
    text = path.read_text(encoding="utf-8").replace(str(place), "PLACE")
    text = re.sub(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?(?:\+\d\d:\d\d| UTC)?", "DATE", text)
    text = DURATIONS.sub("TIME", text)
    # In a run's table of epochs, seconds have one decimal; all other figures there have more.
    text = re.sub(r'<td class="value">[\d,]+\.\d</td>', "SECONDS", text)
    # The chart of run times.
    text = re.sub(r'<svg [^>]*aria-label="Seconds of a run.*?</svg>', "SECONDS", text, flags=re.DOTALL)
    # In a study's table of trials, pictures a second stand beside the time of training.
    return re.sub(r'(TIME</td><td class="value">)[\d,.]+', r"\1SPEED", text).splitlines()


def differences(one: Any, other: Any, place: str) -> list[str]:
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [
            line for name in names for line in differences(one.get(name), other.get(name), f"{place} {name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for number, pair in enumerate(zip(one, other, strict=True))
            for line in differences(*pair, f"{place} {number}")
        ]
    return [] if one == other else [f"{place}: {str(one)[:200]} / {str(other)[:200]}"]


def main() -> int:
    """Prints what differs between the environments; 1 if anything does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name, environment in ENVIRONMENTS.items():
            found[name] = live(environment, Path(folder) / name)
            print(f"  {name}: {environment}", file=sys.stderr)
    first, *others = found
    lines = {other: differences(found[first], found[other], "") for other in others}
    report(
        "Fresh runs in other environments",
        {f"{other}, {ENVIRONMENTS[other]}": f"{len(each)} differences" for other, each in lines.items()},
    )
    for other, each in lines.items():
        for line in each:
            print(f"- {other}:{line}")
    return 1 if any(lines.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
