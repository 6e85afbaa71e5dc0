"""Where prepared faces and found landmarks are kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from twinface.core.storage import user_path


def cache_folder() -> Path:
    """The folder for prepared faces: `TWINFACE_CACHE`, or this user's usual folder for caches."""
    chosen = os.environ.get("TWINFACE_CACHE")
    return user_path(chosen) if chosen else Path(platformdirs.user_cache_dir("twinface"))
