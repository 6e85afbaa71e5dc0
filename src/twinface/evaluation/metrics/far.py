"""False accept rates: which of them a number of impostor pairs can measure."""

from __future__ import annotations

import math

from twinface.core.errors import DataError

# FARs are compared with this much slack. Otherwise 29 of 100 false accepts would exceed a FAR of 0.29, because
# 0.29 * 100 is 28.999999999999996 in floating point.
FAR_SLACK = 1 + 1e-9


def check_far(far: float) -> None:
    """Check that `far` is a rate in [0, 1].

    Raises:
        ValueError: it is not.
    """
    if not 0 <= far <= 1:
        raise ValueError(f"far is {far}, need a false accept rate in [0, 1], such as 0.01")


def require_supported_far(far: float, impostors: int) -> None:
    """Check that so many impostor pairs can measure a FAR: at least 3 false accepts are expected.

    Raises:
        ValueError: the FAR is outside [0, 1].
        DataError: fewer than 3 false accepts are expected.
    """
    check_far(far)
    if far * impostors * FAR_SLACK < 3:
        needed = f"need at least {math.ceil(3 / far)}" if far > 0 else "no number of pairs shows that it is 0"
        raise DataError(
            f"found {impostors} impostor pairs, which expect {far * impostors:.2g} false accepts at a FAR of "
            f"{far:g}; {needed}: ask for a larger FAR or score more impostor pairs"
        )


def supported_fars(impostors: int) -> list[tuple[float, bool]]:
    """Return which of the FARs 1e-1, 1e-2, 1e-3, … a number of impostor pairs can measure.

    The rule of 30 (Doddington et al., Speech Communication 31, 2000): with 30 expected false accepts, a rate is within
    about 30 % of the truth at 90 % confidence.

    Args:
        impostors: the number of impostor pairs.

    Returns:
        (far, rough) from the largest FAR down. A FAR with 30 or more expected false accepts is not rough, one with 3
        to 30 is rough, and one with fewer than 3 is left out.

    Example:
        >>> supported_fars(500)
        [(0.1, False), (0.01, True)]
    """
    fars = []
    exponent = 1
    while impostors >= 3 * 10**exponent:
        fars.append((float(f"1e-{exponent}"), impostors < 30 * 10**exponent))
        exponent += 1
    return fars
