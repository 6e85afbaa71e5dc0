"""How fast are faces embedded, compared with OpenCV's SFace and dlib, and in which engine?

    make bench-speed            (or: python benchmarks/embedding.py --peers PYTHON [--run RUN])

Latency is measured with one face a call, throughput with 16 a call. Detection, decoding and alignment are not included
for any program. With a run folder, its model is timed in torch as well. The scores are equal to 1e-3, except in
bfloat16, which is there to show what it would bring. The model's multiplications alone, as ONNX Runtime's large
products, are the upper limit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sides import Side, compare, heading, table


def main() -> None:
    """Prints a table for one face a call and one for 16."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("models", nargs="*", default=["default"], help="shipped models or run folders")
    parser.add_argument("--peers", type=Path, help="the Python of `make peers`")
    parser.add_argument("--run", help="a run folder whose model is timed in torch as well")
    parser.add_argument(
        "--compiled", action="store_true", help="torch.compile too, which needs a C++ compiler"
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(heading("Embedding, detection left out", ("torch", "onnxruntime")))
    for count in (1, 16):
        sides = []
        if given.peers:
            python = str(given.peers)
            sides += [
                Side("SFace (OpenCV, int8)", "peers:sface", {}, python),
                Side("dlib", "peers:dlib", {"count": count}, python),
            ]
        sides += [Side(model, "engines:onnx", {"model": model, "count": count}) for model in given.models]
        if given.run:
            same = {"run": given.run, "count": count}
            name = Path(given.run).name
            sides += [
                Side(f"{name}, its multiplications alone", "engines:products", {"run": given.run}),
                Side(f"{name}, ONNX Runtime", "engines:onnx", {"model": given.run, "count": count}),
                Side(f"{name}, torch", "engines:eager", same),
                Side(f"{name}, torch in bfloat16", "engines:eager", same | {"bfloat16": True}),
            ]
            if given.compiled:
                sides.append(Side(f"{name}, torch compiled", "engines:eager", same | {"compiled": True}))
        print(f"{count} a call\n\n{table(compare(sides, given.rounds, 1.0), unit='faces/s')}\n")


if __name__ == "__main__":
    main()
