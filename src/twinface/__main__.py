"""`python -m twinface` is `twinface`."""

from twinface.cli import main

if __name__ == "__main__":
    main()
