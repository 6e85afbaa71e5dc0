"""Do the tests notice these bugs? Each is planted by hand in a copy of the source, and its module's tests have to fail.

mutmut (`mutants.py`) leaves decorated functions as they are, and changes one word at a time. Here are bugs that it
does not make: a call left out, a part of an epoch forgotten, the wrong list. A bug that the tests let live goes here
first, and a test after it.

    python benchmarks/planted_bugs.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bug:
    """A bug to plant.

    Attributes:
        name: what is wrong, in words.
        file: below `src/twinface`.
        right, wrong: the text that stands there once, and what it becomes.
        tests: the test file that has to fail, below `tests`.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: str


STEP, LOOP, AVERAGE = "training/step.py", "training/loop.py", "training/averaging.py"
STORAGE, SIAMESE, OPTIMIZERS = "core/storage.py", "networks/siamese.py", "training/optimizers.py"
STATE, CONFUSION = "training/state_file.py", "evaluation/metrics/decisions.py"
OF_STEP, OF_LOOP = "test_training_step.py", "test_training_loop.py"

BUGS = [
    Bug(
        "one rate for a whole epoch",
        STEP,
        "position.epoch + position.step / steps",
        "position.epoch",
        OF_STEP,
    ),
    Bug(
        "the same dropout masks in each step of an epoch",
        STEP,
        'plan.seed, "dropout", position.epoch, position.step',
        'plan.seed, "dropout", position.epoch, 0',
        OF_STEP,
    ),
    Bug(
        "the same distortions in each step of an epoch",
        STEP,
        'plan.seed, "augment", position.epoch, position.step',
        'plan.seed, "augment", position.epoch',
        OF_STEP,
    ),
    Bug(
        "gradients of the loss are not clipped",
        STEP,
        "[*state.network.parameters(), *state.loss.parameters()]",
        "[*state.network.parameters()]",
        OF_STEP,
    ),
    Bug("gradients add up", STEP, "state.optimizer.zero_grad(set_to_none=True)", "pass", OF_STEP),
    Bug(
        "the network is not in training mode", STEP, "state.network.train()", "state.network.eval()", OF_STEP
    ),
    Bug("the rate is set after the update", STEP, "        state.optimizer.step()\n", "", OF_STEP),
    Bug(
        "the average keeps what it should give up",
        AVERAGE,
        "lerp_(value, 1 - decay)",
        "lerp_(value, decay)",
        OF_STEP,
    ),
    Bug("the average starts slowly", AVERAGE, "min(self.decay, ", "max(self.decay, ", OF_STEP),
    Bug("the average begins with another count", AVERAGE, "(1 + steps)", "steps", OF_STEP),
    Bug(
        "momentum rises within an epoch",
        OPTIMIZERS,
        'int(epoch) / group["momentum_epochs"]',
        'epoch / group["momentum_epochs"]',
        OF_STEP,
    ),
    Bug(
        "the rate recorded is that of the epoch's end", LOOP, "(steps - 1) / steps", "steps / steps", OF_LOOP
    ),
    Bug(
        "an equal figure counts as better",
        LOOP,
        "value > position.best_value",
        "value >= position.best_value",
        OF_LOOP,
    ),
    Bug("patience counts validations", LOOP, "position.waiting + every", "position.waiting + 1", OF_LOOP),
    Bug(
        "a gain does not end the waiting",
        LOOP,
        "best_value=metrics.value, waiting=0",
        "best_value=metrics.value",
        OF_LOOP,
    ),
    Bug(
        "losses of an epoch go on into the next",
        LOOP,
        "step=0, loss_sum=0.0, records",
        "step=0, records",
        OF_LOOP,
    ),
    Bug(
        "the last weights are kept",
        LOOP,
        "        if metrics.best:\n            store",
        "        if True:\n            store",
        OF_LOOP,
    ),
    Bug(
        "another floor under the spread of a picture of one colour",
        SIAMESE,
        ".sqrt().clamp_min(1.0)",
        ".sqrt().clamp_min(0.1)",
        "test_siamese.py",
    ),
    Bug(
        "an embedding's length forgets the score normalisation",
        SIAMESE,
        "size + 1 if self.score_normalisation else size",
        "size",
        "test_siamese.py",
    ),
    Bug("files never reach the disk", STORAGE, "os.fsync(file.fileno())", "pass", "test_storage.py"),
    Bug("buffers are written after the sync", STORAGE, "file.flush()", "pass", "test_storage.py"),
    Bug("names never reach the disk", STORAGE, "sync_folder(target.parent)", "pass", "test_storage.py"),
    Bug(
        "a failed write leaves its file",
        STORAGE,
        "\n        with contextlib.suppress(OSError):\n            temporary.unlink(missing_ok=True)",
        "\n        pass",
        "test_storage.py",
    ),
    Bug(
        "the checksum does not cover the position",
        STATE,
        "json.dumps(about, sort_keys=True).encode()",
        'b""',
        "test_state.py",
    ),
    Bug(
        "the previous state is not kept",
        STATE,
        "            keep.replace(self.previous)\n",
        "",
        "test_state.py",
    ),
]


def main() -> None:
    """Plants each bug and prints a line; ends with 1 if one of them lives."""
    living = []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for part in ("src", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        for tests in sorted({bug.tests for bug in BUGS}):
            if not passes(copy, tests):
                raise SystemExit(f"{tests} fails without a bug")
        for bug in BUGS:
            died = not lives(copy, bug)
            living += [] if died else [bug.name]
            print(f"{'noticed' if died else 'LIVES  '}  {bug.file}: {bug.name}", flush=True)
    print(f"{len(BUGS) - len(living)} of {len(BUGS)} noticed")
    raise SystemExit(bool(living))


def lives(copy: Path, bug: Bug) -> bool:
    """Whether the tests pass with the bug."""
    file = copy / "src" / "twinface" / bug.file
    whole = file.read_text(encoding="utf-8")
    if whole.count(bug.right) != 1:
        raise SystemExit(f"{bug.file}: found {whole.count(bug.right)} times, need once: {bug.right!r}")
    file.write_text(whole.replace(bug.right, bug.wrong), encoding="utf-8")
    try:
        return passes(copy, bug.tests)
    finally:
        file.write_text(whole, encoding="utf-8")


def passes(copy: Path, tests: str) -> bool:
    """Whether a test file passes; one that cannot run at all (a wrong import, say) stops this program."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(copy / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = ["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"tests/{tests}"],
        cwd=copy, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode not in (0, 1):
        raise SystemExit(f"{tests}: pytest ended with {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.returncode == 0


if __name__ == "__main__":
    main()
