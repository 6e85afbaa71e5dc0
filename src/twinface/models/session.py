"""An ONNX file, open in ONNX Runtime, with limits on its operators, its memory and its time.

The file may come from anybody. It is checked before anything in it is run; see `graph_check` and `limits`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinface.core.errors import ModelError
from twinface.core.formatting import one_line
from twinface.core.threads import available_cores
from twinface.models.graph_check import ALLOW_VARIABLE, any_operator_allowed, check_graph
from twinface.models.limits import MEMORY, SECONDS, SECONDS_PER_FACE, limit_memory, time_limit

MOST_TEXT = 300  # characters of the runtime's errors and names
_FATAL = 4  # ONNX Runtime's level of log messages; it prints errors too otherwise, and also raises them


@dataclass(frozen=True)
class End:
    """An input or an output of a graph.

    Attributes:
        name: of it.
        type: such as "tensor(float)".
        shape: numbers, and names of those that are free.
    """

    name: str
    type: str
    shape: list[Any]


class Session:
    """A graph that is ready to run.

    Args:
        data: the whole ONNX file. It is never read from its path, because ONNX Runtime would then open other files that
            it names.
        source: the file's name, for errors.
        threads: for one call; None takes all cores that this process may use.
        allow_any_operator: trust the file: allow any operator, and any amount of memory and time. The environment
            variable `TWINFACE_ALLOW_ANY_OPERATOR=1` does the same.

    Attributes:
        inputs, outputs: of the graph.
        metadata: key → value.

    Raises:
        ModelError: the file is refused, or ONNX Runtime cannot load it.
    """

    def __init__(
        self, data: bytes, source: str, threads: int | None = None, *, allow_any_operator: bool = False
    ) -> None:
        self._source = source
        self._trusted = allow_any_operator or any_operator_allowed()
        check_graph(data, source, self._trusted)
        # ONNX Runtime 1.29 and later reports each session to its maker, unless this is set before its import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # takes 0.1 s, which commands that run no model should not spend

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        # Left to itself, it would use all cores of the machine, even where a container allows fewer.
        options.intra_op_num_threads = threads or available_cores()
        # Never the runtime's own format, which `check_graph` cannot read.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        if not self._trusted:
            limit_memory(onnxruntime, options)
        self._run_options = onnxruntime.RunOptions
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data,
                options,
                providers=["CPUExecutionProvider"],
                # Nothing is computed while loading, where neither time nor memory is limited. Exports have their
                # constants folded already.
                disabled_optimizers=["ConstantFolding"],
                # Where it fails, it would print to stdout and try again without this option.
                enable_fallback=0,
            )
            # Read here, and not when they are asked for: a name that is no UTF-8 raises then.
            self.inputs, self.outputs = _ends(self._session.get_inputs()), _ends(self._session.get_outputs())
            self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime's exceptions have no other common base class
            raise ModelError(
                f"{source}: ONNX Runtime cannot load it ({one_line(error, MOST_TEXT)})"
            ) from error

    def run(self, output: str, inputs: Mapping[str, NDArray[Any]], faces: int) -> NDArray[Any]:
        """The value of one output; safe to call from several threads at once.

        Args:
            output: its name.
            inputs: name → array.
            faces: how many there are in this call; the time that it may take grows with them.

        Raises:
            ModelError: ONNX Runtime cannot run it, or it needs more memory or time than it may take.
        """
        options = self._run_options()
        options.log_severity_level = _FATAL
        seconds = float("inf") if self._trusted else SECONDS + SECONDS_PER_FACE * faces
        try:
            with time_limit.on(options, seconds):
                return np.asarray(self._session.run([output], dict(inputs), options)[0])
        except Exception as error:  # as above
            if options.terminate:
                reason = f"it took more than {seconds:.0f} s for {faces} faces"
            elif "Available memory of" in str(error):
                reason = (
                    f"it needs more than {MEMORY >> 30} GiB for {faces} faces; embed fewer at a time, or, if you trust "
                    f"its maker, set {ALLOW_VARIABLE}=1"
                )
            else:
                reason = one_line(error, MOST_TEXT)
            raise ModelError(f"{self._source}: ONNX Runtime cannot run it ({reason})") from error


def _ends(found: Sequence[Any]) -> tuple[End, ...]:
    return tuple(End(each.name, each.type, list(each.shape)) for each in found)
