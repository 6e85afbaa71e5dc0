"""Where the process of a command begins: `twinface` and `python -m twinface`."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Runs the command line. Until it is imported, Ctrl-C and SIGTERM end the process at once, without a traceback."""
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    try:
        from twinface.cli import main as run
    except Exception as error:  # a damaged installation; exit code 1 would mean "different people"
        if os.environ.get("TWINFACE_DEBUG") == "1":
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(
            f"twinface: cannot start, reinstall it ({reason}); TWINFACE_DEBUG=1 shows the traceback\n"
        )
        sys.exit(2)
    run()


def _end(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"twinface: interrupted\n")
    finally:  # stderr may be closed
        os._exit(128 + number)


if __name__ == "__main__":
    main()
