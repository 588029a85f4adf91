"""The original's endpoints as a gradio application: for `gradio_client`, and as a plain page for people."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import gradio

from engine.api.gradio_calls import Calls, Speaking, Update, sync
from engine.api.gradio_endpoints import (
    LABEL_ARGUMENTS,
    RECOGNISER_ARGUMENTS,
    SPEAKING_ARGUMENTS,
    STAGE_ENDPOINTS,
    SYNC_ARGUMENTS,
    VERSION_ARGUMENTS,
    Argument,
    StageEndpoint,
    Value,
)
from engine.api.jobs import Jobs
from engine.api.settings import ServerSettings
from engine.api.windows import Windows, ask_parent
from engine.protocol.errors import Cancelled, EngineError
from engine.protocol.recognisers import asr_languages, asr_precisions, asr_sizes

TITLE: Final = "GSV Desktop"
_ANY_NUMBER: Final = None
"""Any number of calls of an endpoint at a time: a second `/open…` must hear that it is occupied."""

Function = Callable[..., Any]


def build_blocks(jobs: Jobs, settings: ServerSettings, speaking: Speaking | None = None) -> gradio.Blocks:
    """The application with every endpoint.

    Args:
        jobs: Runs the stages.
        settings: Workspace and allowed folders.
        speaking: The part of the server that speaks, which `/change_tts_inference` starts and stops.
    """
    windows = Windows(settings.workspace, ask=ask_parent if settings.from_window else None)
    calls = Calls(jobs, settings, windows, speaking)
    blocks: gradio.Blocks = gradio.Blocks(title=TITLE, analytics_enabled=False)
    with blocks:
        gradio.Markdown(f"# {TITLE}\nThe calls of the local server; programs make them with `gradio_client`.")
        _add_recognisers()
        for endpoint in STAGE_ENDPOINTS.values():
            _add_stage(calls, endpoint)
        _add_windows(calls)
        _add_models(calls)
    return blocks


def _add_stage(calls: Calls, endpoint: StageEndpoint) -> None:
    def run(*values: Value) -> Iterator[Any]:
        names = [argument.name for argument in endpoint.arguments]
        for answer in calls.open(endpoint, dict(zip(names, values, strict=True))):
            yield answer if endpoint.paths else answer[0]

    with gradio.Accordion(endpoint.title, open=False):
        inputs = _fields(endpoint.arguments)
        words = gradio.Textbox(label="Answer")
        paths = [gradio.Textbox(label=title) for title in endpoint.paths]
        start, stop = gradio.Button("Open"), gradio.Button("Close")
        _connect(
            start, _named(_told(run), endpoint.arguments), inputs, [words, *paths], f"open{endpoint.suffix}"
        )
        _connect(stop, _told(lambda: calls.close(endpoint)), [], [words], f"close{endpoint.suffix}")


def _listed(ask: Callable[[str], Sequence[str]], key: str) -> list[str]:
    return list(ask(key))


def _add_recognisers() -> None:
    with gradio.Accordion("Speech recognition: what can be chosen", open=False):
        inputs = _fields(RECOGNISER_ARGUMENTS)
        choices = (
            ("lang", asr_languages),
            ("size", asr_sizes),
            ("precision", asr_precisions),
        )
        for name, ask in choices:
            found = gradio.JSON(label=name)
            function = _named(_told(partial(_listed, ask)), RECOGNISER_ARGUMENTS)
            _connect(gradio.Button(name), function, inputs, [found], f"change_{name}_choices")


def _add_windows(calls: Calls) -> None:
    with gradio.Accordion("Pages of the window", open=False):
        inputs = _fields(LABEL_ARGUMENTS)
        words = gradio.Textbox(label="Answer")
        labels = _named(_told(calls.toggle_labels), LABEL_ARGUMENTS)
        separation = _told(calls.toggle_separation)
        for ending in ("", "_1"):
            _connect(gradio.Button("Labels"), labels, inputs, [words], f"change_label{ending}")
            _connect(gradio.Button("Separate"), separation, [], [words], f"change_uvr5{ending}")


def _add_models(calls: Calls) -> None:
    with gradio.Accordion("Models", open=False):
        lists = [gradio.JSON(label="SoVITS"), gradio.JSON(label="GPT")]
        _connect(gradio.Button("Weights"), _told(calls.weights), [], lists, "change_choices")
        inputs = _fields(SPEAKING_ARGUMENTS)
        words = gradio.Textbox(label="Answer")

        def toggle(*values: Value) -> str:
            names = [argument.name for argument in SPEAKING_ARGUMENTS]
            return calls.toggle_speaking(dict(zip(names, values, strict=True)))

        speak = _named(_told(toggle), SPEAKING_ARGUMENTS)
        for ending in ("", "_1"):
            _connect(gradio.Button("Speak"), speak, inputs, [words], f"change_tts_inference{ending}")
        shown = _fields(SYNC_ARGUMENTS)
        _connect(gradio.Button("Sync"), _named(_told(sync), SYNC_ARGUMENTS), shown, [words], "sync")
        _add_versions(calls)


def _add_versions(calls: Calls) -> None:
    def switch(version_: str) -> list[Update]:
        return [gradio.update(**update) for update in calls.switch_version(version_)]

    titles = ("SoVITS", "Discriminator", "GPT", "GPT to speak with", "SoVITS to speak with")
    fields: list[gradio.components.Component] = [gradio.Textbox(label=title) for title in titles]
    fields += [gradio.Number(label=title) for title in ("Batch size", "Epochs", "Save every", "Text rate")]
    fields += [gradio.Checkbox(label=title) for title in ("Save memory", "Side by side")]
    fields.append(gradio.Textbox(label="Rank of the adapter"))
    inputs = _fields(VERSION_ARGUMENTS)
    function = _named(_told(switch), VERSION_ARGUMENTS)
    _connect(gradio.Button("Switch"), function, inputs, fields, "switch_version")


def _fields(arguments: Sequence[Argument]) -> list[gradio.components.Component]:
    """A field for every argument, holding its default: clients read names and defaults off them."""
    return [_field(argument) for argument in arguments]


def _field(argument: Argument) -> gradio.components.Component:
    default = argument.default
    if isinstance(default, bool):
        return gradio.Checkbox(label=argument.name, value=default)
    if isinstance(default, int | float):
        return gradio.Number(label=argument.name, value=default)
    return gradio.Textbox(label=argument.name, value=default)


def _connect(
    button: gradio.Button,
    function: Function,
    inputs: Sequence[gradio.components.Component],
    outputs: Sequence[gradio.components.Component],
    name: str,
) -> None:
    button.click(
        function, list(inputs), list(outputs), api_name=name, concurrency_limit=_ANY_NUMBER, queue=True
    )


def _named(function: Function, arguments: Sequence[Argument]) -> Function:
    """Gives a function the names of an endpoint's arguments, where clients look for them."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(argument.name, kind) for argument in arguments]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _told(function: Function) -> Function:
    """A function whose failures reach the caller in words."""
    if inspect.isgeneratorfunction(function):

        def steps(*values: Value) -> Iterator[Any]:
            try:
                yield from function(*values)
            except (EngineError, Cancelled) as error:
                raise _shown(error) from error

        return steps

    def call(*values: Value) -> Any:
        try:
            return function(*values)
        except (EngineError, Cancelled) as error:
            raise _shown(error) from error

    return call


def _shown(error: EngineError | Cancelled) -> gradio.Error:
    if isinstance(error, Cancelled):
        return gradio.Error("The job was cancelled before its end.", print_exception=False)
    return gradio.Error(f"{error.message} {error.hint}".strip(), print_exception=False)
