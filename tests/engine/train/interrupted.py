"""Runs a training stage in a process of its own, telling of each step: to be killed in the middle."""

import json
import sys

import torch

from engine.protocol.context import RecordingContext
from engine.protocol.stages.registry import stage


class Talking(RecordingContext):
    def metric(self, values, step):
        super().metric(values, step)
        sys.stdout.write(f"step {step}\n")
        sys.stdout.flush()


def main():
    name, values, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    spec = stage(name)
    module, _, function = spec.entry.partition(":")
    __import__(module)
    getattr(sys.modules[module], function)(spec.parse(values), Talking())


if __name__ == "__main__":
    main()
