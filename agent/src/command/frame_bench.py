"""OpenCV's side of `frame-bench`: reads one JSON request a line, answers one JSON line each.

Every buffer is made once and one thread is used, as on the other side. Normalisation and planes are made the fastest way
that was found: one multiplication and addition a plane, by addWeighted.
"""
import json
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
TO_RGB = {"abgr8888": cv2.COLOR_RGBA2RGB, "argb8888": cv2.COLOR_BGRA2RGB, "nv21": cv2.COLOR_YUV2RGB_NV21}
FILTERS = {"nearest": cv2.INTER_NEAREST_EXACT, "bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}


class Job:
    def __init__(self, job):
        self.format, self.filter = job["format"], FILTERS[job["filter"]]
        width, height, self.size = job["width"], job["height"], (job["to_width"], job["to_height"])
        self.swapped, self.mirror_x, self.mirror_y = job["swapped"], job["mirror_x"], job["mirror_y"]
        self.left, self.top, self.right, self.bottom = job["left"], job["top"], job["right"], job["bottom"]
        bytes_ = np.fromfile(job["frame"], np.uint8)
        if self.format == "nv21":
            self.frame = bytes_.reshape(height * 3 // 2, width)
            self.luma = self.frame[:height]
            self.chroma = self.frame[height:].reshape(height // 2, width // 2, 2)
            self.rgb = np.empty((height, width, 3), np.uint8)
        else:
            self.frame = bytes_.reshape(height, width, 4)
            self.rgb = np.empty((self.bottom - self.top, self.right - self.left, 3), np.uint8)
        # The small picture has its sides as stored until it is turned.
        self.stored = self.size[::-1] if self.swapped else self.size
        self.small = np.empty((self.stored[1], self.stored[0], 3), np.uint8)
        self.small4 = np.empty((self.stored[1], self.stored[0], 4), np.uint8)
        self.planes = [np.empty((self.size[1], self.size[0]), np.uint8) for _ in range(3)]
        self.tensor = np.empty((3, self.size[1], self.size[0]), np.float32)
        self.factor = [1.0 / value for value in job["std"]]
        self.summand = [-mean / std for mean, std in zip(job["mean"], job["std"])]

    def crop(self, picture):
        return picture[self.top : self.bottom, self.left : self.right]

    def finish(self, picture):
        if self.mirror_x:
            picture = cv2.flip(picture, 1)
        if self.mirror_y:
            picture = cv2.flip(picture, 0)
        if self.swapped:
            picture = cv2.transpose(picture)
        cv2.split(picture, self.planes)
        for plane, out, factor, summand in zip(self.planes, self.tensor, self.factor, self.summand):
            cv2.addWeighted(plane, factor, plane, 0.0, summand, dst=out, dtype=cv2.CV_32F)

    def convert_first(self):
        """The order of most examples: the colours of the part that is seen, then its size."""
        if self.format == "nv21":
            cv2.cvtColor(self.frame, TO_RGB[self.format], dst=self.rgb)
            rgb = self.crop(self.rgb)
        else:
            rgb = cv2.cvtColor(self.crop(self.frame), TO_RGB[self.format], dst=self.rgb)
        self.finish(cv2.resize(rgb, self.stored, dst=self.small, interpolation=self.filter))

    def resize_first(self):
        """The least work that OpenCV can be asked for: four channels resized, then the small picture's colours."""
        cv2.resize(self.crop(self.frame), self.stored, dst=self.small4, interpolation=self.filter)
        self.finish(cv2.cvtColor(self.small4, TO_RGB[self.format], dst=self.small))

    def planes_first(self):
        """As our own conversion of NV21: planes resized, then full-range BT.601. For comparing pixels, not for speed."""
        half = (slice(self.top // 2, self.bottom // 2), slice(self.left // 2, self.right // 2))
        y = cv2.resize(self.crop(self.luma), self.stored, interpolation=self.filter)
        vu = cv2.resize(np.ascontiguousarray(self.chroma[half]), self.stored, interpolation=self.filter)
        self.finish(cv2.cvtColor(cv2.merge([y, vu[..., 0], vu[..., 1]]), cv2.COLOR_YCrCb2RGB))


print(json.dumps({"opencv": cv2.__version__}), flush=True)
job = None
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "job":
        job = Job(request)
        print(json.dumps({}), flush=True)
        continue
    way = getattr(job, request["way"])
    if request["op"] == "pixels":
        way()
        job.tensor.tofile(request["file"])
        print(json.dumps({}), flush=True)
        continue
    samples = []
    for _ in range(request["n"]):
        begun = time.perf_counter_ns()
        way()
        samples.append(time.perf_counter_ns() - begun)
    print(json.dumps({"samples": samples}), flush=True)
