"""Stages with the program's own names and parameters that end at once: for what lies around them.

The name of the experiment, or of the folder that is worked on, says how a stage goes: `waits` until it is
cancelled, `fails`, or is the program's own, `real` one.
"""

import importlib
import sys
import time
from dataclasses import replace
from pathlib import Path

from engine.protocol.errors import BadAudio
from engine.protocol.results import ArtifactRef, StageResult
from engine.protocol.stages.registry import STAGES, stage


def own(parameters):
    """The program's own function of a stage."""
    entry = next(spec.entry for spec in STAGES.values() if spec.parameters is type(parameters))
    module, _, function = entry.partition(":")
    return getattr(importlib.import_module(module), function)


def act(parameters, context):
    values = parameters.model_dump(mode="json")
    name = str(values.get("experiment") or Path(values["input"]).name)
    if name.startswith("real"):
        return own(parameters)(parameters, context)
    context.progress(1, 4, "clips")
    if name == "waits":
        while True:
            context.check_cancelled()
            time.sleep(0.01)
    if name == "fails":
        raise BadAudio("the file x.wav is broken", hint="record it again")
    context.log(repr(values))
    labels = (ArtifactRef(kind="labels", path=str(Path(values.get("output", "")) / f"{name}.list")),)
    return StageResult(summary=f"acted {values}", artifacts=labels)


def find(name):
    return replace(stage(name), entry="scripted_stages:act")


if __name__ == "__main__":
    from engine.worker.serve import main

    sys.modules["scripted_stages"] = sys.modules["__main__"]
    sys.exit(main(find, grace_s=1.0))
