"""Makes the starter voice from nothing: `python resources/starter/train.py all --work FOLDER`.

`all` runs these steps, each of which goes on where it was stopped:

    (data.py)  synthetic speech with the times of its phones, in `FOLDER/data`
    encoder    a small content encoder, which learns the phone of every frame
    even       of every clip one of even pace and pitch, in `FOLDER/even`
    features   phones and content features of the clips (1a, 1b), then new small networks whose
               codebook fits them, and the semantic tokens (1c), each of one phone only
    joined     rows of one to three clips for the GPT
    gpt        trains the new GPT, and tells the phone error of what it says
    sovits     trains the new SoVITS
    pack       writes the newest weights and the voice card into a folder

`lengths` is for another main voice only: it measures how long that voice's phones are, for `even`.

The training steps are the program's own, started from new networks instead of pretrained ones, with
what `lessons.py` adds to them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import torch

from engine.audio.io import read_audio
from engine.checkpoints.manner import manner_entry
from engine.checkpoints.tensors import read_tensor
from engine.checkpoints.writer import write_gpt, write_weights
from engine.corpus.manifests import TextRow, read_semantic, read_text_rows, write_semantic, write_text_lines
from engine.dataset.semantic_tokens import run as make_tokens
from engine.dataset.ssl_features import run as make_content
from engine.dataset.text_features import run as make_phones
from engine.infer.options import SamplingOptions
from engine.infer.semantic import SemanticRequest, generate_tokens
from engine.models.discriminators import DiscriminatorConfig, load_discriminators
from engine.models.gpt import KEY_PREFIX, Gpt, GptConfig, load_gpt
from engine.models.hubert import load_content_encoder
from engine.models.sovits import load_sovits
from engine.models.sovits_config import SovitsConfig
from engine.protocol.context import RecordingContext
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.protocol.stages.features import (
    SemanticTokensParameters,
    SslFeaturesParameters,
    TextFeaturesParameters,
)
from engine.protocol.stages.training import TrainGptParameters, TrainSovitsParameters
from engine.protocol.versions import version
from engine.protocol.voices import Manner, VoiceCard, write_voice
from engine.protocol.workspace import Workspace
from engine.text.frontend import phonemize
from engine.text.symbols import phone_ids
from engine.train.content_encoder import (
    EncoderClip,
    EncoderLosses,
    EncoderSizes,
    EncoderTraining,
    Student,
    export_encoder,
    frame_labels,
    losses,
    standardise,
    train_encoder,
)
from engine.train.gpt_data import gpt_items
from engine.train.loop import Loop, LoopSettings
from engine.train.scratch import (
    DISCRIMINATOR_FILE,
    GENERATOR_FILE,
    GPT_FILE,
    new_discriminators,
    new_generator,
    new_gpt,
)
from engine.train.sovits_data import sovits_items
from engine.train.state import StateStore, TrainingState
from resources.starter.data import OTHERS, TEXTS, build
from resources.starter.evaluate import errors
from resources.starter.even_clips import CODE_PHONES
from resources.starter.lessons import (
    PAUSE,
    TOKENS_OF_PHONE,
    EvenGptTraining,
    EvenSovitsTraining,
    look_along,
    phone_places,
    plain_phone,
    read_times,
)
from resources.starter.steady import PHONE_LENGTHS, spoken_spans, with_ends, write_even

PHONES: Final = (
    "pau",
    "aa",
    "ae",
    "ah",
    "ao",
    "aw",
    "ax",
    "axr",
    "ay",
    "b",
    "ch",
    "d",
    "dh",
    "dx",
    "eh",
    "el",
    "em",
    "en",
    "er",
    "ey",
    "f",
    "g",
    "hh",
    "hv",
    "ih",
    "iy",
    "jh",
    "k",
    "l",
    "m",
    "n",
    "nx",
    "ng",
    "ow",
    "oy",
    "p",
    "r",
    "s",
    "sh",
    "t",
    "th",
    "uh",
    "uw",
    "v",
    "w",
    "y",
    "z",
    "zh",
    "ssil",
    "brth",
    "h#",
)
HOLD_OUT: Final = 30
ENCODER_EPOCHS: Final = 6
GPT_ROWS: Final = 24000
"""Of 8,400 texts; they brought the GPT to 0.74 a token on others, 2,030 texts to 1.59."""

GPT_EPOCHS: Final = 1
SOVITS_EPOCHS: Final = 16
CODES: Final = 512
FEWEST_CODES: Final = 2
FEWEST_SPANS: Final = 3
NAME: Final = "starter"
EVEN: Final = "even"
TEST_NAME: Final = "starter-test"
GPT_NAME: Final = "starter-joined"
REFERENCE: Final = "slt-00155"
REFERENCE_FILE: Final = "reference.flac"
SOVITS: Final = SovitsConfig(
    segment_samples=20480,
    latent_channels=96,
    hidden_channels=96,
    filter_channels=256,
    layers=4,
    style_channels=64,
    mrte_channels=64,
    mrte_heads=2,
    posterior_layers=4,
    flow_layers=2,
    style_width=64,
    ssl_channels=EncoderSizes().width,
    codebook_size=CODES,
    upsample_rates=(4, 2, 5, 16),
    upsample_kernels=(8, 4, 15, 32),
    upsample_channels=256,
    resblock_kernels=(3,),
    resblock_dilations=((1, 3),),
)
GPT: Final = GptConfig(
    layers=5, width=186, heads=6, semantic_rows=CODES + 1, eos_token=CODES, bert_channels=32
)
JUDGES: Final = DiscriminatorConfig(narrower=16)
MANNER: Final = Manner(temperature=0.3, repetition_penalty=1.0, noise_scale=0.5 * EvenSovitsTraining.noise)
"""Codes stand for phones, which return in every sentence; there is nothing lively to draw."""

SOUND: Final = Manner(noise_scale=MANNER.noise_scale)
SPEECH: Final = MANNER.model_copy(update={"noise_scale": None})
"""The weights say it themselves, too, so that what is fine-tuned from them speaks in the same manner."""

ABOUT: Final = (
    "Made by this program's own training from synthetic speech (Festival's voice cmu_us_slt_arctic_hts), "
    "at an even pace and pitch. Small: it shows that every step works, not how good a voice can be."
)


def note(text: str) -> None:
    """Prints a line with the time."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def rows_of(data: Path) -> list[LabelRow]:
    """The rows of the training list."""
    return list(read_labels(data).rows)


def low_rate(path: Path) -> np.ndarray:
    """A clip at 16 kHz; kept beside it, since changing the rate takes longer than learning."""
    kept = path.with_suffix(".npy")
    if not kept.is_file():
        np.save(kept, read_audio(path, 16000))
    wave: np.ndarray = np.load(kept)
    return wave


def clips_of(data: Path, rows: Sequence[LabelRow]) -> list[EncoderClip]:
    """Clips with the phone of every frame, as the `.lab` files beside the sound tell it."""
    clips = []
    for row in rows:
        path = row.clip(data)
        wave = low_rate(path)
        lines = [line.split() for line in path.with_suffix(".lab").read_text(encoding="utf-8").splitlines()]
        times = [(float(line[0]), PHONES.index(line[2]) + 1) for line in lines if len(line) == 3]
        labels = frame_labels([end_s for end_s, _ in times], [phone for _, phone in times], len(wave))
        clips.append(EncoderClip(wave=torch.from_numpy(wave), labels=labels))
    return clips


def split(rows: Sequence[LabelRow]) -> tuple[list[LabelRow], list[LabelRow]]:
    """What is learnt from, and every thirtieth row, which is kept for tests."""
    kept = [row for index, row in enumerate(rows) if index % HOLD_OUT == 0]
    return [row for index, row in enumerate(rows) if index % HOLD_OUT], kept


@torch.no_grad()
def frame_accuracy(student: Student, clips: Sequence[EncoderClip]) -> float:
    """Share of frames whose phone is told rightly, in sound that was not learnt from."""
    student.eval()
    found = [losses(student, [clip], torch.ones(1)).hits for clip in clips]
    student.train()
    return float(np.mean(found))


def encoder(arguments: argparse.Namespace) -> None:
    """Trains the content encoder and writes it to `content_encoder`."""
    data = arguments.work / "data"
    others, other_tests = split(rows_of(data / "others.list"))
    main_rows, main_tests = split(rows_of(data / "slt.list"))
    clips = clips_of(data, others + main_rows[: arguments.clips])
    tests = {"slt": clips_of(data, main_tests[:20]), "others": clips_of(data, other_tests)}
    note(f"{len(clips)} clips, {sum(len(clip.wave) for clip in clips) / 16000 / 60:.1f} minutes")
    torch.manual_seed(0)
    student = Student(EncoderSizes(), 1, len(PHONES))
    if arguments.start is not None:
        start = load_content_encoder(arguments.start)
        student.encoder.load_state_dict(start.network.state_dict())
    else:
        standardise(student.encoder.eval(), [clip.wave for clip in clips[::40]])
    note(f"{sum(p.numel() for p in student.encoder.parameters()) / 1e6:.1f} M parameters")

    def report(epoch: int, step: int, found: EncoderLosses) -> None:
        if step % 20 == 0:
            note(f"epoch {epoch} step {step} loss_frames {found.frames.item():.3f} hits {found.hits:.3f}")

    for epoch in range(1, arguments.epochs + 1):
        training = EncoderTraining(epochs=arguments.epochs, stop_after=epoch, crop_s=0.8)
        train_encoder(student, clips, training, arguments.work / "encoder.state", report)
        note(str({name: round(frame_accuracy(student, some), 3) for name, some in tests.items()}))
    export_encoder(student.eval(), arguments.work / "content_encoder")
    note("exported")


class PrintingContext(RecordingContext):
    """Prints what a stage reports."""

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Prints the figures of every tenth step."""
        if step % 10 == 0:
            figures = " ".join(f"{name} {value:.4g}" for name, value in values.items())
            note(f"step {step} {figures}")

    def log(self, text: str, level: str = "info") -> None:
        """Prints a line."""
        note(f"{level}: {text}")

    def artifact(self, path: Path, kind: str) -> None:
        """Prints a finished file."""
        if kind != "features":
            note(f"{kind}: {path}")


def even(arguments: argparse.Namespace) -> None:
    """Makes of every clip of the main voice one of even pace and pitch, in `even`."""
    folder, data = arguments.work / EVEN, arguments.work / "data"
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    kept = []
    for row in rows_of(data / "slt.list"):
        recording = row.clip(data)
        out = folder / "clips" / recording.name
        if out.with_suffix(".lab").is_file() or write_even(
            recording, phonemize(row.text, "en", "v2").phones, out
        ):
            kept.append(row)
    write_labels(folder / "slt.list", kept)
    note(f"{len(kept)} clips in {folder}")


def lengths(arguments: argparse.Namespace) -> None:
    """Writes the mean length of every phone of the main voice to `--out`."""
    data = arguments.work / "data"
    found: dict[tuple[str, bool], list[float]] = {}
    for row in rows_of(data / "slt.list"):
        phones = phonemize(row.text, "en", "v2").phones
        times = read_times(row.clip(data).with_suffix(".lab"))
        places = phone_places(phones, [phone for _, phone in times])
        if places is None:
            continue
        spans_ms = 1000 * np.diff(spoken_spans(times, places, len(phones)))[:, 0]
        for one, span_ms in zip(with_ends(phones), spans_ms, strict=True):
            found.setdefault(one, []).append(float(span_ms))
    means = {one: round(float(np.mean(some))) for one, some in found.items() if len(some) >= FEWEST_SPANS}
    table = {}
    for phone, last in sorted(means):
        usual = means[phone, last]
        table[phone] = [means.get((phone, place), usual) for place in (False, True)]
    everything_ms = list(itertools.chain(*found.values()))
    known = {"mean_ms": round(float(np.mean(everything_ms)), 1), "phones_ms": table}
    path: Path = arguments.out / PHONE_LENGTHS.name
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    note(f"{len(means)} lengths in {path}")


def features(arguments: argparse.Namespace) -> None:
    """Makes everything that the two trainings read, and the networks that they start from."""
    context, data = PrintingContext(), arguments.work / EVEN
    learnt, kept = split(rows_of(data / "slt.list"))
    for name, rows in ((NAME, learnt), (TEST_NAME, kept)):
        labels = data / f"{name}.list"
        write_labels(labels, rows)
        common = {"workspace": arguments.work, "experiment": name, "labels": labels, "device": "cpu"}
        note(make_phones(TextFeaturesParameters(**common), context).summary)
        content = SslFeaturesParameters(**common, content_encoder=arguments.work / "content_encoder")
        note(make_content(content, context).summary)
        if name == NAME:
            folder = Workspace(arguments.work).experiment(NAME).ssl_folder
            tensors = [read_tensor(path) for path in sorted(folder.glob("*.pt"))]
            new_generator(arguments.work / GENERATOR_FILE, SOVITS, tensors)
            new_discriminators(arguments.work / DISCRIMINATOR_FILE, JUDGES)
            new_gpt(arguments.work / GPT_FILE, GPT)
        tokens = SemanticTokensParameters(**common, pretrained_sovits=arguments.work / GENERATOR_FILE)
        note(make_tokens(tokens, context).summary)
    unmixed(arguments.work)


def _nearest(vectors: torch.Tensor, point: torch.Tensor) -> int:
    return int((vectors - point).square().sum(dim=1).argmin())


def unmixed(work: Path) -> None:
    """Replaces codes that mostly stand for another phone by the nearest that stand for the right one.

    The phone of every token is known, so neither training has to live with what the content encoder
    takes for something else. The content features become the codes' own vectors.
    """
    workspace = Workspace(work)
    network = load_sovits(work / GENERATOR_FILE, posterior=True)
    vectors = network.quantizer.vectors(torch.arange(CODES)[None])[0].T
    spoken = {
        name: {
            clip: (tokens, phones_of_tokens(work, clip, len(tokens)))
            for clip, tokens in read_semantic(workspace.experiment(name).semantic_file).items()
        }
        for name in (NAME, TEST_NAME)
    }
    owners = owners_of_codes(spoken[NAME].values())
    rooms = {
        phone: torch.tensor([code for code, owner in enumerate(owners) if owner == phone])
        for phone in set(owners)
    }
    for name, clips in spoken.items():
        experiment = workspace.experiment(name)
        kept: dict[str, tuple[int, ...]] = {}
        for clip, (tokens, phones) in clips.items():
            path = experiment.ssl_folder / f"{clip}.pt"
            content = read_tensor(path).float()
            heard = network.project_content(content if content.ndim == 3 else content[None])[0].T
            found = []
            for place, (token, phone) in enumerate(zip(tokens, phones, strict=True)):
                room = rooms.get(phone)
                if room is None or owners[token] == phone:
                    found.append(token)
                else:
                    found.append(int(room[_nearest(vectors[room], heard[place])]))
            kept[clip] = tuple(found)
            exact = vectors[torch.tensor(found)].T.repeat_interleave(2, dim=1)
            missing = max(content.shape[-1] - exact.shape[1], 0)
            exact = torch.nn.functional.pad(exact[None], (0, missing), mode="replicate")
            torch.save(exact.to(torch.float16), path)
        write_semantic(experiment.semantic_file, kept)
    note("every code stands for one phone")


def sovits(arguments: argparse.Namespace) -> None:
    """Trains SoVITS up to `--epochs`."""
    parameters = TrainSovitsParameters(
        workspace=arguments.work,
        experiment=NAME,
        device=arguments.device,
        batch_size=arguments.batch,
        total_epochs=arguments.epochs,
        save_every_epochs=100000,
        state_every_steps=100,
        learning_rate=arguments.rate or 1e-3,
        text_low_lr_rate=1.0,
        adversarial_from_step=arguments.adversarial_from,
    )
    workspace, facts = Workspace(arguments.work), version("v2")
    torch.manual_seed(0)
    generator = load_sovits(arguments.work / GENERATOR_FILE, posterior=True)
    judges = load_discriminators(arguments.work / DISCRIMINATOR_FILE)
    experiment = workspace.experiment(NAME)
    items, _ = sovits_items(experiment, facts, generator.config)
    steps = arguments.epochs * math.ceil(len(items) / arguments.batch)
    owners = phone_of_code(arguments.work)
    training = EvenSovitsTraining(
        parameters, generator, judges, items, workspace.sovits_weights(facts), steps, owners
    )
    settings = LoopSettings.of(parameters, experiment.sovits_folder(facts))
    Loop(training, settings, PrintingContext()).run()


def joined(arguments: argparse.Namespace) -> None:
    """Makes the GPT's data: rows of one to three random clips as one, others for every `--seed`."""
    source, target = (Workspace(arguments.work).experiment(name) for name in (NAME, GPT_NAME))
    phones, tokens = read_text_rows(source.text_file), read_semantic(source.semantic_file)
    names = [
        name
        for name in sorted(phones.keys() & tokens.keys())
        if len(tokens[name]) == TOKENS_OF_PHONE * len(phones[name].phones)
    ]
    random = np.random.default_rng(arguments.seed)
    lines: list[str] = []
    joined_tokens: dict[str, tuple[int, ...]] = {}
    for index in range(arguments.rows):
        count = int(random.choice(3, p=(0.6, 0.25, 0.15))) + 1
        group = [names[place] for place in random.integers(len(names), size=count)]
        label = f"{index:05}"
        spoken = tuple(phone for name in group for phone in phones[name].phones)
        text = " ".join(phones[name].norm_text for name in group)
        lines.append(TextRow(name=label, phones=spoken, word2ph=None, norm_text=text).as_line())
        joined_tokens[label] = tuple(token for name in group for token in tokens[name])
    write_text_lines(target.text_file, lines)
    write_semantic(target.semantic_file, joined_tokens)
    note(f"{arguments.rows} rows of {len(names)} clips in {target.folder}")


def gpt(arguments: argparse.Namespace) -> None:
    """Trains the GPT up to `--epochs`."""
    parameters = TrainGptParameters(
        workspace=arguments.work,
        experiment=GPT_NAME,
        device=arguments.device,
        batch_size=arguments.batch,
        total_epochs=arguments.epochs,
        save_every_epochs=100000,
        state_every_steps=100,
        learning_rate=arguments.rate or 1e-3,
        accumulate_batches=1,
    )
    workspace, facts = Workspace(arguments.work), version("v2")
    experiment = workspace.experiment(GPT_NAME)
    model = load_gpt(arguments.work / GPT_FILE)
    torch.manual_seed(0)
    look_along(model)
    items, _ = gpt_items(experiment, facts, model.config)
    steps = arguments.epochs * math.ceil(len(items) / arguments.batch)
    training = EvenGptTraining(parameters, model, items, workspace.gpt_weights(facts), steps)
    settings = LoopSettings.of(parameters, experiment.gpt_folder(facts))
    Loop(training, settings, PrintingContext()).run()
    note(f"phone error of what the GPT says: {phone_error(arguments.work):.3f}")


def phones_of_tokens(work: Path, clip: str, count: int) -> list[str]:
    """The phone of each token of an even clip."""
    times = read_times((work / EVEN / "clips" / clip).with_suffix(".lab"))
    return [plain_phone(times[min(token // TOKENS_OF_PHONE, len(times) - 1)][1]) for token in range(count)]


def owners_of_codes(clips: Iterable[tuple[Sequence[int], Sequence[str]]]) -> list[str]:
    """The phone that each code stands for most often; every phone has two codes at least."""
    counts: list[Counter[str]] = [Counter() for _ in range(CODES)]
    for tokens, phones in clips:
        for token, phone in zip(tokens, phones, strict=True):
            counts[token][phone] += 1
    owners = [count.most_common(1)[0][0] if count else PAUSE for count in counts]
    often = sum(counts, Counter())
    for phone in sorted(often, key=lambda one: often[one]):
        while (sizes := Counter(owners))[phone] < FEWEST_CODES:
            spare = (code for code in range(CODES) if sizes[owners[code]] > 2 * FEWEST_CODES)
            owners[max(spare, key=lambda code: counts[code][phone] / (counts[code].total() + 5))] = phone
    return owners


def phone_of_code(work: Path) -> list[str]:
    """The phone that each code stands for most often."""
    tokens = read_semantic(Workspace(work).experiment(NAME).semantic_file)
    return owners_of_codes((one, phones_of_tokens(work, clip, len(one))) for clip, one in tokens.items())


def runs(phones: Iterable[str]) -> list[str]:
    """Phones without pauses, of equal ones in a row only the first."""
    kept = [phone for phone, _ in itertools.groupby(phones)]
    return [phone for phone in kept if phone != PAUSE]


def phone_error(work: Path, count: int = 30) -> float:
    """Phone error of the GPT on texts that were not learnt from.

    Each code is taken for the phone that it stands for most often, and what is found so is compared
    with what the codes of the true sound give.
    """
    workspace = Workspace(work)
    test = workspace.experiment(TEST_NAME)
    known = phone_of_code(work)
    phones, tokens = read_text_rows(test.text_file), read_semantic(test.semantic_file)
    state = newest(workspace.experiment(GPT_NAME).gpt_folder(version("v2")))
    model = Gpt(GPT)
    model.load_state_dict(state.parts["gpt"])
    model.eval()
    wrong = total = 0
    for clip in sorted(tokens)[:count]:
        ids = torch.tensor(phone_ids(phones[clip].phones, "v2"))
        request = SemanticRequest(
            phones=ids,
            bert=torch.zeros(GPT.bert_channels, len(ids)),
            generator=torch.Generator().manual_seed(0),
        )
        made = list(generate_tokens(model, request, None, SamplingOptions(max_tokens=4 * len(ids))))
        true = runs(known[token] for token in tokens[clip])
        wrong += errors(true, runs(known[token] for token in made))
        total += len(true)
    return wrong / total


def newest(folder: Path) -> TrainingState:
    """The newest state of a training."""
    state = StateStore(folder, lambda text, level: note(f"{level}: {text}")).load()
    if state is None:
        sys.exit(f"Nothing has been trained in {folder} yet.")
    return state


def quietened(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """SoVITS with the noise that it was trained with as its posterior's own deviation.

    The training draws a share of that deviation only; further training draws all of it.
    """
    bias = weights["enc_q.proj.bias"].clone()
    bias[SOVITS.latent_channels :] += math.log(EvenSovitsTraining.noise)
    return {**weights, "enc_q.proj.bias": bias}


def write_generator(path: Path, weights: Mapping[str, torch.Tensor], remark: str) -> None:
    """Writes SoVITS in half precision with its posterior encoder, which exports leave out.

    Without it a fine-tuning begins with a posterior of chance, which destroys the voice in 50 steps.
    """
    kept = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    write_weights(path, {"weight": kept, "config": SOVITS.to_checkpoint(manner_entry(SOUND)), "info": remark})


def pack(arguments: argparse.Namespace) -> None:
    """Writes the newest states as half-precision weights, with the card and the codes' phones, to `--out`."""
    workspace, v2 = Workspace(arguments.work), version("v2")
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    sound = newest(workspace.experiment(NAME).sovits_folder(v2))
    speech = newest(workspace.experiment(GPT_NAME).gpt_folder(v2))
    remark = f"{sound.place.epoch}epoch_{sound.place.step}iteration"
    write_generator(out / GENERATOR_FILE, quietened(sound.parts["generator"]), remark)
    judges = {name: tensor.half() for name, tensor in sound.parts["discriminators"].items()}
    write_weights(out / DISCRIMINATOR_FILE, {"weight": judges})
    weights = {KEY_PREFIX + name: tensor for name, tensor in speech.parts["gpt"].items()}
    config = {**GPT.to_checkpoint(), **manner_entry(SPEECH)}
    write_gpt(out / GPT_FILE, weights, config, f"GPT-e{speech.place.epoch}")
    shutil.copytree(arguments.work / "content_encoder", out / "content_encoder", dirs_exist_ok=True)
    owners = json.dumps(phone_of_code(arguments.work), separators=(",", ":"))
    (out / CODE_PHONES.name).write_text(owners + "\n", encoding="utf-8")
    data = arguments.work / EVEN
    rows = {Path(row.path).stem: row for row in rows_of(data / "slt.list")}
    wave, rate_hz = soundfile.read(rows[REFERENCE].clip(data), dtype="int16")
    soundfile.write(out / REFERENCE_FILE, wave, rate_hz, subtype="PCM_16")
    card = VoiceCard(
        name=NAME,
        gpt=GPT_FILE,
        sovits=GENERATOR_FILE,
        content_encoder="content_encoder",
        reference=REFERENCE_FILE,
        manner=MANNER,
        about=ABOUT,
    )
    write_voice(out, card)
    note(f"{out}: SoVITS {remark}, GPT step {speech.place.step}")


def everything(arguments: argparse.Namespace) -> None:
    """All steps, one after the other; what is done is not done again."""

    def given(**changed: object) -> argparse.Namespace:
        return argparse.Namespace(**{**vars(arguments), **changed})

    if not (arguments.work / "data" / "slt.list").is_file():
        build(arguments.work / "data", TEXTS, OTHERS, 0)
    if not (arguments.work / "content_encoder" / "config.json").is_file():
        encoder(given(epochs=ENCODER_EPOCHS))
    if not (arguments.work / EVEN / "slt.list").is_file():
        even(arguments)
    if not (arguments.work / GPT_FILE).is_file():
        features(arguments)
    if not Workspace(arguments.work).experiment(GPT_NAME).semantic_file.is_file():
        joined(given(rows=GPT_ROWS))
    gpt(given(epochs=GPT_EPOCHS, batch=16))
    sovits(given(epochs=SOVITS_EPOCHS, batch=8))


STEPS: Final = {
    "all": everything,
    "encoder": encoder,
    "even": even,
    "lengths": lengths,
    "features": features,
    "sovits": sovits,
    "joined": joined,
    "gpt": gpt,
    "pack": pack,
}


def main() -> None:
    """Runs one step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--work", type=Path, required=True, help="folder for states and results")
    parser.add_argument("--rows", type=int, default=GPT_ROWS, help="rows to train the GPT on (step joined)")
    parser.add_argument("--seed", type=int, default=0, help="which rows are joined (step joined)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8, help="clips in a training step")
    parser.add_argument("--rate", type=float, help="learning rate; empty takes the recipe's")
    parser.add_argument("--save-every", type=int, default=10, help="epochs between exported weights")
    parser.add_argument("--adversarial-from", type=int, default=1000000, help="step at which the judges join")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for step pack")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="content encoder to go on from (step encoder)")
    parser.add_argument("--clips", type=int, default=600, help="clips of the main voice (step encoder)")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    STEPS[arguments.step](arguments)


if __name__ == "__main__":
    main()
