"""Twinface's models in the engines that can run them, as work to be timed."""

from __future__ import annotations

import numpy as np
from sides import Work, cores

from twinface.core.types import ByteArray


def faces_for(height: int, width: int, channels: int, count: int) -> ByteArray:
    """Random pictures `[count, H, W, C]` uint8: no operation takes longer for some pictures than for others."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def onnx(model: str, count: int) -> Work:
    """ONNX Runtime, as `twinface verify` uses it."""
    from twinface.models.load import load_model

    embed = load_model(model, threads=cores())
    preparation = embed.record.preparation
    faces = faces_for(preparation.height, preparation.width, preparation.channels, count)

    def work() -> int:
        embed(faces)
        return count

    return work


def eager(run: str, count: int, bfloat16: bool = False, compiled: bool = False) -> Work:
    """torch, which keeps freed memory; in float32, or with autocast to bfloat16."""
    import torch

    from twinface.training.checkpoint import load_checkpoint
    from twinface.training.runtime import keep_memory

    keep_memory()
    torch.set_num_threads(cores())
    network, record = load_checkpoint(run)
    network.eval()
    if bfloat16:
        network.to(memory_format=torch.channels_last)
    embed = torch.compile(network.embed, dynamic=False) if compiled else network.embed
    preparation = record.preparation
    faces = faces_for(preparation.height, preparation.width, preparation.channels, count)

    def work() -> int:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            embed(torch.from_numpy(faces))
        return count

    return work


def products(run: str, size: int = 2048) -> Work:
    """As many multiplications as a run's model needs for a face, as large float32 products in ONNX Runtime.

    This is an upper limit for these cores; the products are not used. torch multiplies at half the rate on an AMD.
    """
    import onnxruntime
    import torch
    from onnx import TensorProto, helper
    from torch.utils.flop_counter import FlopCounterMode

    from twinface.training.checkpoint import load_checkpoint

    network, record = load_checkpoint(run)
    preparation = record.preparation
    shape = (1, preparation.height, preparation.width, preparation.channels)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval().embed(torch.zeros(shape, dtype=torch.uint8))
    each = counter.get_total_flops() // 2
    left, right, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, size]) for name in ("a", "b", "c")
    )
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])], "product", [left, right], [result]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    random = np.random.default_rng(0)
    given = {name: random.standard_normal((size, size), np.float32) for name in ("a", "b")}
    times = max(1, round(100 * each / size**3))

    def work() -> int:
        for _ in range(times):
            session.run(None, given)
        return round(times * size**3 / each)

    return work


def verify(left: str, right: str) -> Work:
    """Two picture files → a verdict, by the shipped model, in a process that has loaded the model."""
    from twinface import Verifier

    verifier = Verifier(threads=cores())

    def work() -> int:
        verifier.verify(left, right)
        return 1

    return work
