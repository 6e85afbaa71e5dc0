"""The largest of four values after a ReLU, and where its gradient goes: max pooling for maps in any layout.

Windows are 2 x 2. Their upper and lower halves are tensors `[n, 2, m]`: n windows, left and right, m values each. torch
takes long for maxima of bfloat16 and thirty times as long to choose between two of them as to add them. But the bits of
numbers that are not negative are in the order of the numbers, so integers are compared in their place: it is the same
function to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

_BELOW_SIGN = 15  # bits of an int16


def rectified_maxima(upper: Tensor, lower: Tensor, out: Tensor) -> None:
    """Writes max(0, window) to `out`, `[n, m]`; where a whole window is NaN, that is NaN as well."""
    result = _comparable(out)
    larger = torch.maximum(_comparable(upper), _comparable(lower))
    torch.maximum(larger[:, 0], larger[:, 1], out=result)
    # Compared as the numbers that they are: of integers, a NaN with a sign would be negative. Among several negative
    # numbers the one that was found is not the largest, which no longer matters then.
    out.clamp_(min=0)


def rectified(values: Tensor, out: Tensor | None = None) -> Tensor:
    """The larger of each value and 0; but what is no number may become 0 as well."""
    out = torch.empty_like(values) if out is None else out
    torch.clamp(_comparable(values), min=0, out=_comparable(out))
    return out


def spread_gradient(
    gradient: Tensor, upper: Tensor, lower: Tensor, to_upper: Tensor, to_lower: Tensor
) -> None:
    """Writes each window's gradient, of `[n, m]`, to the place of its maximum and 0 to the three other ones.

    Windows are `rectified`. Of equal values the left has it, and then the upper one; where all are 0 none has it.
    """
    first, second = _comparable(upper), _comparable(lower)
    larger = torch.maximum(first, second)
    left, right = larger[:, 0], larger[:, 1]
    highest = torch.maximum(left, right)
    rectified, sides = torch.empty_like(highest), torch.empty_like(larger)
    _where_larger(highest, torch.zeros_like(highest[:1, :1]), _comparable(gradient), rectified)
    _divide(rectified, left, right, sides[:, 0], sides[:, 1])
    _divide(sides, first, second, _comparable(to_upper), _comparable(to_lower))


def _divide(gradient: Tensor, first: Tensor, second: Tensor, to_first: Tensor, to_second: Tensor) -> None:
    """All of it goes to the larger one, or to the first."""
    _where_larger(second, first, gradient, to_second)
    if gradient.dtype == torch.int16:
        torch.bitwise_xor(gradient, to_second, out=to_first)
    else:
        torch.sub(gradient, to_second, out=to_first)


def _where_larger(one: Tensor, other: Tensor, values: Tensor, out: Tensor) -> None:
    """Writes the values where `one` is larger than the other, and 0 elsewhere; neither is negative."""
    if values.dtype == torch.int16:
        # Each bit of the shifted difference is its sign.
        torch.sub(other, one, out=out).bitwise_right_shift_(_BELOW_SIGN).bitwise_and_(values)
    else:
        torch.where(one > other, values, torch.zeros_like(values), out=out)


def _comparable(values: Tensor) -> Tensor:
    return values.view(torch.int16) if values.dtype == torch.bfloat16 else values
