"""What the settings' schemas are made of: number types, and a strict base class."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# No setting is sensible beyond it. Numbers beyond 3.4e38 are not numbers of float32.
LARGEST = 1e30

Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(ge=1, le=1_000_000)]


class Strict(BaseModel):
    """A frozen schema that refuses unknown fields, and numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
