"""A short run of each fuzz target, from seeds and from inputs that once failed; see `fuzz_targets`."""

from __future__ import annotations

import numpy as np
import pytest

from fuzz_targets import REGRESSIONS, TARGETS
from hostile_files import mutated

every_target = pytest.mark.parametrize("target", TARGETS)


@every_target
def test_seeds_and_former_failures_pass(target: str) -> None:
    seeds = sorted((REGRESSIONS / target).iterdir())
    assert len(seeds) >= 3
    for seed in seeds:
        TARGETS[target](seed.read_bytes())


@every_target
def test_changed_seeds_pass(target: str) -> None:
    rng = np.random.default_rng(list(TARGETS).index(target))
    seeds = [seed.read_bytes() for seed in sorted((REGRESSIONS / target).iterdir())]
    for number in range(2000):
        changed = mutated(seeds[number % len(seeds)], rng)
        try:
            TARGETS[target](changed)
        except Exception as error:
            error.add_note(f"with the bytes {changed!r}")
            raise
