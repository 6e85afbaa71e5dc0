"""How close is a training step of `residual` to the time of its multiplications alone on these cores?

    make bench-speed            (or: python benchmarks/residual_step.py [RECIPE])

The upper limit is the rate at which these cores multiply large bfloat16 matrices, measured in the same run, divided by
the multiplications of the learning layers, forward and backward. A step also picks pictures, distorts and normalises
them, and computes activations, the loss over 3,634 people and the update of the weights.
"""

from __future__ import annotations

import argparse

from sides import Side, compare, heading, table


def main() -> None:
    """Prints the table, and two shares of the time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recipe", nargs="?", default="residual")
    parser.add_argument("--count", type=int, default=32, help="pictures of a batch")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    ours, settings = "steps:of_recipe", {"recipe": given.recipe, "count": given.count}
    sides = [
        Side(
            "its multiplications alone, as large products",
            "steps:products_of_recipe",
            {"recipe": given.recipe},
        ),
        Side("a step without distortions", ours, settings | {"distorted": False}),
        Side("a step: `twinface train`", ours, settings),
    ]
    timings = compare(sides, given.rounds)
    limit, plain, whole = (timing.best for timing in timings)
    print(heading(f"A training step of {given.recipe}, {given.count} pictures"))
    print(table(timings))
    print(f"\nOf the upper limit: {limit / whole:.0%}. Distortions: {1 - plain / whole:.0%} of a step.")


if __name__ == "__main__":
    main()
