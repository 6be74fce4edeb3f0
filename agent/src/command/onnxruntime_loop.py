"""ONNX Runtime's own Python loop, for `benchrack-agent overhead --python`.

One line of JSON on standard input says what to load; then each line is a number of inferences, and the answer is their
times in nanoseconds, as one JSON list.
"""

import json
import sys
import time

import numpy
import onnxruntime

asked = json.loads(sys.stdin.readline())
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = asked["threads"]
options.inter_op_num_threads = 1
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(asked["model"], options, providers=["CPUExecutionProvider"])
feeds = {}
for given in asked["inputs"]:
    values = numpy.fromfile(given["file"], dtype="<f4").reshape(given["shape"])
    feeds[given["name"]] = values.astype(given["type"])
print(json.dumps({"version": onnxruntime.__version__}), flush=True)

for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        begun = time.perf_counter_ns()
        session.run(None, feeds)
        times.append(time.perf_counter_ns() - begun)
    print(json.dumps(times), flush=True)
