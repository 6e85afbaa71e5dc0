"""What the settings' schemas are made of: number types, and a strict base class."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# No setting is sensible beyond it. Numbers beyond 3.4e38 are not numbers of float32.
LARGEST = 1e30

Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(ge=1, le=1_000_000)]
FROM_LIST = Field(strict=False)  # of a tuple: settings files have lists alone
RegionSetting = Annotated[tuple[float, float, float, float], FROM_LIST]


class Strict(BaseModel):
    """A frozen schema that refuses unknown fields, numbers that are not finite, and values of another type: true is no
    number, and "5" neither. A whole number may stand for a float.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)
