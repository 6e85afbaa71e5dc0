"""The checksum at the end of a model file: it shows damage before the file is used.

It is the SHA-256 of all bytes before it, written as the last entry of ONNX's own metadata list. So the file with its
checksum is still a valid ONNX model.

It notices accidents. It does not stop tampering, because anybody can compute it again; see SECURITY.md.
"""

from __future__ import annotations

import hashlib

from twinface.core.errors import ModelError

# Field 14 of ONNX's ModelProto is its metadata list; an entry has a key (field 1) and a value (field 2).
_START = b"\x72\x4a\x0a\x06sha256\x12\x40"
_LENGTH = len(_START) + 64


def with_checksum(model: bytes) -> bytes:
    """A serialised ONNX model with its checksum appended; the result is a valid ONNX model too."""
    return model + _START + hashlib.sha256(model).hexdigest().encode()


def verify_checksum(data: bytes, source: str) -> None:
    """Checks that `data` is what `with_checksum` returned.

    Args:
        data: the whole file.
        source: the file's name, for the error.

    Raises:
        ModelError: the file is a pickle, another kind of model, incomplete, or damaged.
    """
    if data[:1] == b"\x80" or data[:2] == b"PK":
        raise ModelError(
            f"{source}: a pickle or a torch archive (such as .pt2), which Twinface never opens because loading one can "
            "run code; need the run's model.onnx"
        )
    if data[:5] == b"<?xml":
        raise ModelError(
            f"{source}: an XML file, as OpenVINO has them, which Twinface does not read; need the run's model.onnx"
        )
    body, end = data[:-_LENGTH], data[-_LENGTH:]
    if not end.startswith(_START):
        raise ModelError(
            f"{source}: not a complete Twinface model ({len(data)} bytes without a checksum at the end); "
            "copy the file again, or make it with `twinface train`"
        )
    if end[len(_START) :] != hashlib.sha256(body).hexdigest().encode():
        raise ModelError(f"{source}: damaged, its checksum does not match; copy the file again")
