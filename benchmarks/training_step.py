"""How much faster is Twinface's training step of Koch's network than seed B's?

    make bench-speed            (or: python benchmarks/training_step.py)

Both train the same network (batch normalisation before each ReLU, dense layer of 4,096) on the same number of pairs.
Twinface's side is the step of `twinface train`, with its improvements added one by one.
"""

from __future__ import annotations

import argparse

from sides import Side, compare, heading, table

from twinface.training.machine import has_fast_bfloat16


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=32, help="pairs of a batch")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    kind = "bfloat16" if has_fast_bfloat16("cpu") else "float32"
    ours, koch = "steps:of_recipe", {"recipe": "seed-b-2", "count": 2 * given.pairs}
    sides = [
        Side("seed B's step as written", "steps:seed_b", {"pairs": given.pairs}),
        Side(f"one batch, {kind}, channels last, fused Adam", ours, koch | {"kept": False, "fourier": False}),
        Side("and freed memory kept", ours, koch | {"fourier": False}),
        Side("and Fourier convolutions: `twinface train`", ours, koch),
    ]
    print(heading(f"A training step of Koch's network, {given.pairs} pairs"))
    print(table(compare(sides, given.rounds)))


if __name__ == "__main__":
    main()
