"""Settings and data → a model."""
