"""Makes the ONNX files of this folder with exporters that are not ours; seeded, so that anybody gets the same nets.

    python3 -m venv venv && venv/bin/pip install torch onnx onnxscript onnxruntime
    venv/bin/python make.py

Written with torch 2.x (both of its exporters) and onnxruntime's static quantiser, in both of its forms.
"""

import numpy
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Net(torch.nn.Module):
    """A few layers of the kinds that matter: dense, depthwise, residual, pooling, fully connected."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.BatchNorm2d(16), torch.nn.ReLU())
        self.depthwise = torch.nn.Sequential(torch.nn.Conv2d(16, 16, 3, 1, 1, groups=16), torch.nn.ReLU6())
        self.pointwise = torch.nn.Conv2d(16, 16, 1)
        self.head = torch.nn.Linear(16, 10)

    def forward(self, picture):
        x = self.stem(picture)
        x = torch.relu(x + self.pointwise(self.depthwise(x)))
        return self.head(torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Pictures(CalibrationDataReader):
    def __init__(self):
        rng = numpy.random.default_rng(1)
        self.pictures = iter([{"picture": rng.normal(size=(1, 3, 48, 48)).astype("float32")} for _ in range(8)])

    def get_next(self):
        return next(self.pictures, None)


torch.manual_seed(1)
net = Net().eval()
picture = torch.randn(1, 3, 48, 48)
torch.onnx.export(net, (picture,), "torch-script.onnx", input_names=["picture"], opset_version=17, dynamo=False,
                  dynamic_axes={"picture": {0: "batch"}})
program = torch.onnx.export(net, (picture,), input_names=["picture"], dynamo=True, opset_version=18, external_data=False)
program.save("torch-dynamo.onnx", external_data=False)
torch.onnx.export(net, (picture,), "fixed.onnx", input_names=["picture"], opset_version=17, dynamo=False)
quant_pre_process("fixed.onnx", "prepared.onnx")
quantize_static("prepared.onnx", "ort-qdq.onnx", Pictures(), quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True)
quantize_static("prepared.onnx", "ort-qdq-per-tensor.onnx", Pictures(), quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
quantize_static("prepared.onnx", "ort-qoperator.onnx", Pictures(), quant_format=QuantFormat.QOperator,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
for name in ["torch-script", "torch-dynamo", "ort-qdq", "ort-qdq-per-tensor", "ort-qoperator"]:
    model = onnx.load(f"{name}.onnx")
    # The exporters write the paths of the machine they ran on.
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    onnx.save(model, f"{name}.onnx")
    operators = {}
    for node in model.graph.node:
        key = f"{node.domain + '.' if node.domain else ''}{node.op_type}"
        operators[key] = operators.get(key, 0) + 1
    print(name, [(d.domain, d.version) for d in model.opset_import], operators)
