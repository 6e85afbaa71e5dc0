"""Limits that hold in several packages."""

LARGEST_SEED = (1 << 63) - 1  # a record keeps a seed as a whole number of 64 bits
