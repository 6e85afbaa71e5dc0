"""Where the process of a command begins: `twinface` and `python -m twinface`."""

import os
import signal
from types import FrameType


def main() -> None:
    """Runs the command line. Until it is imported, Ctrl-C and SIGTERM end the process at once, without a traceback."""
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    from twinface.cli import main as run

    run()


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"twinface: interrupted\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
