"""Commands of `python -m engine`. Stages run in a worker process, as they do for the window."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from engine.protocol.errors import BadParameters, EngineError, WorkerDied
from engine.protocol.languages import TEXT_MODES
from engine.protocol.messages import Done, End, Event, Failed, JobCancelled, Log
from engine.protocol.pruning import parse_size, plan_pruning, prune
from engine.protocol.stages.registry import STAGES, stage
from engine.protocol.stages.speech import SpeakParameters
from engine.protocol.versions import VERSIONS
from engine.protocol.wire import encode
from engine.protocol.workspace import Workspace
from engine.worker.client import Worker

DONE: Final = 0
FAILED: Final = 1
BAD_PARAMETERS: Final = 2
CANCELLED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a frozen program without a console has none
            stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except EngineError as error:
        _complain(error)
        return BAD_PARAMETERS if isinstance(error, BadParameters) else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine", description="The speech engine without a window."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    stages = commands.add_parser("stages", help="JSON: every stage with its parameters' schema")
    stages.set_defaults(command=_stages)

    run = commands.add_parser("run", help="run one stage; events as JSON lines")
    run.add_argument("stage", metavar="STAGE")
    run.add_argument("--params", required=True, metavar="FILE|-", help="JSON object of parameters")
    run.set_defaults(command=_run)

    text = commands.add_parser("text", help="JSON: languages, normalised text and phones of a text")
    text.add_argument("text", metavar="TEXT")
    text.add_argument("--language", default="auto", help=f"one of: {', '.join(TEXT_MODES)}")
    text.add_argument("--version", default="v2", help=f"model version, one of: {', '.join(VERSIONS)}")
    text.add_argument("--workspace", type=Path, default=Path(), help="folder with a dictionary.txt of yours")
    text.set_defaults(command=_text)

    inspect = commands.add_parser("inspect", help="JSON: what a weight file is, without running code in it")
    inspect.add_argument("file", metavar="FILE", type=Path)
    inspect.set_defaults(command=_inspect)

    convert = commands.add_parser(
        "convert", help="write a weight file as safetensors, which can hold no code"
    )
    convert.add_argument("file", metavar="FILE", type=Path)
    convert.add_argument("out", metavar="OUT", type=Path)
    convert.set_defaults(command=_convert)

    _add_average(commands.add_parser("average", help="write the mean of several saves of one training"))
    _add_prune(commands.add_parser("prune", help="remove saves of an experiment that space is short for"))
    _add_speak(commands.add_parser("speak", help="say a text"))

    _add_serve(commands.add_parser("serve", help="the local server: the original's calls and OpenAI's"))

    doctor = commands.add_parser("doctor", help="JSON: machine, libraries, models, and remedies")
    doctor.add_argument("--workspace", type=Path, default=Path())
    doctor.set_defaults(command=_doctor)
    return parser


_SPEAK_FLAGS: Final = tuple(name for name in SpeakParameters.model_fields if name != "out")


def _add_speak(parser: argparse.ArgumentParser) -> None:
    for name in _SPEAK_FLAGS:
        info = SpeakParameters.model_fields[name]
        kind: dict[str, Any] = {"required": info.is_required()}
        if info.annotation is bool:
            kind = {"action": argparse.BooleanOptionalAction}
        elif name == "references":
            kind = {"nargs": "+", "metavar": "FILE"}
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=info.description, **kind)
    parser.add_argument("--out", required=True, help=SpeakParameters.model_fields["out"].description)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(command=_speak)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=int, default=9874, help="port that it listens at; 0 takes a free one")
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen at; others than the loopback need a token",
    )
    add("--token", default="", help="word that every caller must send as `Authorization: Bearer WORD`")
    add("--workspace", type=Path, default=Path(), help="folder that relative paths start from")
    add(
        "--allow",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="one more folder that callers may read and write in; may be given several times",
    )
    add(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="web page, such as http://localhost:8000, whose scripts may call; may be given several times",
    )
    add("--speech-only", action="store_true", help="leave out the original's calls; starts sooner")
    add("--control", action="store_true", help="let callers restart and end the server by /control")
    add("--speakers", type=int, default=1, help="processes that speak at a time")
    add("--device", default="auto", help="device that they speak on")
    add("--with-parent", action="store_true", help="stop when standard input ends")
    add("--from-window", action="store_true", help="ask on standard output for pages of the window")
    parser.set_defaults(command=_serve)


def _add_average(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="GPT or SoVITS weights, oldest first"
    )
    parser.add_argument("-o", "--out", metavar="OUT", required=True, type=Path, help="file to write")
    parser.set_defaults(command=_average)


def _add_prune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", metavar="EXPERIMENT")
    parser.add_argument("--budget", required=True, metavar="SIZE", help="room for its weights, such as 2GB")
    parser.add_argument("--workspace", type=Path, default=Path(), help="folder that holds the weights")
    parser.add_argument("--yes", action="store_true", help="remove what is listed; without it nothing goes")
    parser.set_defaults(command=_prune)


def _stages(_: argparse.Namespace) -> int:
    declared = [
        {
            "name": spec.name,
            "title": spec.title,
            "about": spec.about,
            "parameters": spec.parameters.model_json_schema(),
        }
        for spec in STAGES.values()
    ]
    _print_json(declared)
    return DONE


def _run(arguments: argparse.Namespace) -> int:
    spec = stage(arguments.stage)
    spec.parse(values := _read_parameters(arguments.params))  # refused before a process is started
    end = _drive(spec.name, values, _print_event)
    return _exit_code(end)


def _text(arguments: argparse.Namespace) -> int:
    from engine.text.dictionary import pronunciation_of
    from engine.text.frontend import read_text

    pronunciation = pronunciation_of(arguments.workspace)
    for problem in pronunciation.dictionary.problems:
        sys.stderr.write(f"{problem}\n")
    found = read_text(arguments.text, arguments.language, arguments.version, pronunciation)
    _print_json(
        {
            "norm_text": found.norm_text,
            "phones": list(found.phones),
            "word2ph": found.word2ph,
            "segments": [asdict(segment) for segment in found.segments],
        }
    )
    return DONE


def _inspect(arguments: argparse.Namespace) -> int:
    from engine.checkpoints.inspection import inspect

    _print_json(inspect(arguments.file).as_json())
    return DONE


def _convert(arguments: argparse.Namespace) -> int:
    from engine.checkpoints.convert import convert

    _say(str(convert(arguments.file, arguments.out)))
    return DONE


def _average(arguments: argparse.Namespace) -> int:
    from engine.checkpoints.average import average

    _say(str(average(arguments.files, arguments.out)))
    return DONE


def _prune(arguments: argparse.Namespace) -> int:
    plan = plan_pruning(
        Workspace(arguments.workspace.absolute()), arguments.experiment, parse_size(arguments.budget)
    )
    _say(plan.text())
    if plan.removed and not arguments.yes:
        _say("Nothing was removed; add --yes to remove what is listed.")
    elif plan.removed:
        _say(f"{len(prune(plan))} removed.")
    return DONE


def _speak(arguments: argparse.Namespace) -> int:
    values = {
        name: value for name in (*_SPEAK_FLAGS, "out") if (value := getattr(arguments, name)) is not None
    }
    parsed = stage("speak").parse(values)
    end = _drive("speak", parsed.model_dump(mode="json"), _print_log)
    if isinstance(end, Done):
        if arguments.json:
            _print_json(end.result.model_dump(mode="json"))
        else:
            _say(end.result.summary)
    elif isinstance(end, Failed):
        _complain(end)
    return _exit_code(end)


def _serve(arguments: argparse.Namespace) -> int:
    from engine.api.app import require_libraries
    from engine.api.settings import ServerSettings

    require_libraries()
    settings = ServerSettings(
        workspace=arguments.workspace.resolve(),
        host=arguments.host,
        port=arguments.port,
        token=arguments.token,
        folders=tuple(folder.resolve() for folder in arguments.allow),
        origins=tuple(origin.rstrip("/") for origin in arguments.allow_origin),
        speech_only=arguments.speech_only,
        from_window=arguments.from_window,
        control=arguments.control,
        workers=arguments.speakers,
        device=arguments.device,
    )
    from engine.api.listening import listen

    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    listen(settings, _announce, with_parent=arguments.with_parent)
    return DONE


def _announce(address: str) -> None:
    _say(address)
    sys.stdout.flush()


def _doctor(arguments: argparse.Namespace) -> int:
    from engine.doctor import examine

    _print_json(examine(arguments.workspace))
    return DONE


def _drive(name: str, values: dict[str, Any], on_event: Callable[[Event], None]) -> End:
    """Runs a stage in a worker; Ctrl+C cancels it, a second Ctrl+C kills the process."""
    with Worker() as worker:
        job = worker.start(name, values)
        presses = []

        def on_ctrl_c(*_: object) -> None:
            presses.append(True)
            if len(presses) == 1:
                worker.cancel(job)
            else:
                worker.kill()

        before = signal.signal(signal.SIGINT, on_ctrl_c)
        try:
            for event in worker.events(job):
                on_event(event)
                if isinstance(event, Done | Failed | JobCancelled):
                    return event
        except WorkerDied as error:
            if len(presses) > 1:
                return JobCancelled(job=job)
            died = Failed(job=job, code=error.code, message=error.message, hint=error.hint)
            on_event(died)
            return died
        finally:
            signal.signal(signal.SIGINT, before)
    raise RuntimeError("the worker's events ended without an end message")


def _read_parameters(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
        values = json.loads(text)
    except (OSError, ValueError) as error:
        raise BadParameters(
            f"The parameters in {source} cannot be read: {error}.", hint="Give a file with one JSON object."
        ) from error
    if not isinstance(values, dict):
        raise BadParameters(
            f"The parameters in {source} are not a JSON object.", hint='Write {"name": value}.'
        )
    return values


def _exit_code(end: End) -> int:
    if isinstance(end, Done):
        return DONE
    if isinstance(end, JobCancelled):
        return CANCELLED
    return BAD_PARAMETERS if end.code == BadParameters.code else FAILED


def _print_event(event: Event) -> None:
    sys.stdout.write(encode(event).decode("utf-8"))
    sys.stdout.flush()


def _print_log(event: Event) -> None:
    if isinstance(event, Log):
        sys.stderr.write(f"{event.text}\n")


def _print_json(value: object) -> None:
    _say(json.dumps(value, ensure_ascii=False, indent=2))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(error: EngineError | Failed) -> None:
    sys.stderr.write(f"{error.message}\n{error.hint}\n" if error.hint else f"{error.message}\n")
