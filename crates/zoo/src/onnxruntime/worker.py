"""Runs models on ONNX Runtime for benchrack's zoo: the independent implementation that its files are checked with.

A request is one line of JSON on stdin, followed by tensors as little-endian fp32; an answer is one line of JSON on stdout, which
may be followed by such a tensor. Started by crates/zoo/src/onnxruntime.rs; needs onnxruntime, onnx and numpy.
"""

import json
import logging
import os
import sys
import tempfile

import numpy
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def read_pictures(stream, shape, count):
    size = int(numpy.prod(shape)) * 4
    data = stream.read(size * count)
    if len(data) != size * count:
        raise ValueError(f"{len(data)} bytes of pictures came, {size * count} were promised")
    return numpy.frombuffer(data, dtype="<f4").reshape([count, *shape])


class Pictures(CalibrationDataReader):
    def __init__(self, name, pictures):
        self.left = iter([{name: picture} for picture in pictures])

    def get_next(self):
        return next(self.left, None)


def decibels(real, other):
    signal = sum(float(numpy.square(a, dtype=numpy.float64).sum()) for a in real)
    noise = sum(float(numpy.square(numpy.subtract(a, b, dtype=numpy.float64)).sum()) for a, b in zip(real, other))
    return 10 * float(numpy.log10(signal / max(noise, signal * 1e-12)))


def run(request, stream):
    [picture] = read_pictures(stream, request["shape"], 1)
    model = session(request["model"])
    [output, *_] = model.run(None, {model.get_inputs()[0].name: picture})
    return {"values": int(output.size)}, numpy.ascontiguousarray(output, dtype="<f4")


def compare_quantisers(request, stream):
    """SQNR of our int8 file and of what quantize_static makes of our fp32 file, both run here on the same pictures."""
    calibration = read_pictures(stream, request["shape"], request["calibration"])
    unseen = read_pictures(stream, request["shape"], request["unseen"])
    real = session(request["real"])
    name = real.get_inputs()[0].name
    with tempfile.TemporaryDirectory() as folder:
        prepared, theirs = os.path.join(folder, "prepared.onnx"), os.path.join(folder, "theirs.onnx")
        quant_pre_process(request["real"], prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            theirs,
            Pictures(name, calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=False,
            calibrate_method=CalibrationMethod.MinMax,
        )
        theirs = session(theirs)
    ours = session(request["integer"])
    outputs = [[model.run(None, {name: picture})[0] for picture in unseen] for model in (real, ours, theirs)]
    return {"ours_db": decibels(outputs[0], outputs[1]), "theirs_db": decibels(outputs[0], outputs[2])}, None


COMMANDS = {"run": run, "compare_quantisers": compare_quantisers}


def main():
    # What libraries print must not come between the answers.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    logging.disable(logging.WARNING)
    stream = sys.stdin.buffer
    for line in iter(stream.readline, b""):
        request = json.loads(line)
        try:
            answer, tensor = COMMANDS[request["command"]](request, stream)
        except Exception as error:  # Every failure is the answer; the parent decides what it means.
            answer, tensor = {"error": f"{type(error).__name__}: {error}"}, None
        answers.write(json.dumps({"version": onnxruntime.__version__, **answer}).encode() + b"\n")
        if tensor is not None:
            answers.write(tensor.tobytes())
        answers.flush()


main()
