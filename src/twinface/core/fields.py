"""What the settings' schemas are made of: number types, and a strict base class."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """A frozen schema that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
