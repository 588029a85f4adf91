"""Makes the starter voice from nothing: `python resources/starter/train.py STEP --data LIST --work FOLDER`.

Steps, each of which goes on where it was stopped:

    encoder    a small content encoder, taught by a Whisper model's encoder and by the transcripts
    features   phones and content features of the clips (1a, 1b), then new small networks whose
               codebook fits them, and the semantic tokens (1c)
    sovits     trains the new SoVITS
    joined     rows of one to three clips for the GPT
    gpt        trains the new GPT
    pack       writes the newest weights and the voice card into a folder

The training steps are the program's own stages, started from new networks instead of pretrained ones.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.audio.io import read_audio
from engine.checkpoints.tensors import read_tensor
from engine.checkpoints.writer import write_gpt, write_sovits, write_weights
from engine.corpus.manifests import TextRow, read_semantic, read_text_rows, write_semantic, write_text_lines
from engine.dataset.semantic_tokens import run as make_tokens
from engine.dataset.ssl_features import run as make_content
from engine.dataset.text_features import run as make_phones
from engine.models.discriminators import DiscriminatorConfig
from engine.models.gpt import KEY_PREFIX, GptConfig
from engine.models.sovits_config import SovitsConfig
from engine.protocol.context import RecordingContext
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.stages.features import (
    SemanticTokensParameters,
    SslFeaturesParameters,
    TextFeaturesParameters,
)
from engine.protocol.stages.training import TrainGptParameters, TrainSovitsParameters
from engine.protocol.versions import version
from engine.protocol.voices import VoiceCard, write_voice
from engine.protocol.workspace import Workspace
from engine.text.frontend import phonemize
from engine.train.content_encoder import (
    EncoderClip,
    EncoderSizes,
    EncoderTraining,
    Student,
    export_encoder,
    teacher_features,
    train_encoder,
)
from engine.train.gpt import run as train_gpt
from engine.train.scratch import (
    DISCRIMINATOR_FILE,
    GENERATOR_FILE,
    GPT_FILE,
    new_discriminators,
    new_generator,
    new_gpt,
)
from engine.train.sovits import run as train_sovits
from engine.train.state import StateStore, TrainingState

SYMBOLS: Final = 732
CODES: Final = 256
NAME: Final = "starter"
GPT_NAME: Final = "starter-joined"
REFERENCE: Final = "basic-pbx-ivr-main-part2"
SOVITS: Final = SovitsConfig(
    latent_channels=128,
    hidden_channels=128,
    filter_channels=384,
    layers=4,
    style_channels=128,
    mrte_channels=128,
    mrte_heads=2,
    posterior_layers=6,
    flow_layers=2,
    style_width=64,
    ssl_channels=256,
    codebook_size=CODES,
    upsample_channels=128,
    resblock_kernels=(3, 7),
    resblock_dilations=((1, 3, 5), (1, 3, 5)),
)
GPT: Final = GptConfig(
    layers=6, width=192, heads=6, semantic_rows=CODES + 1, eos_token=CODES, bert_channels=1024
)
JUDGES: Final = DiscriminatorConfig(narrower=8)
ABOUT: Final = (
    "Made by this program's own training from the sample recordings of Allison Smith (CC-BY-SA-3.0). "
    "Small and little trained: it shows that every step works, not how good a voice can be."
)


def note(text: str) -> None:
    """Prints a line with the time."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def rows_of(data: Path) -> list[LabelRow]:
    """The rows of the training list."""
    return list(read_labels(data).rows)


def teacher_of(folder: Path, waves: Sequence[np.ndarray], cache: Path) -> list[np.ndarray]:
    """Standardised teacher's features of every clip; kept in `cache`."""
    if cache.is_file():
        with np.load(cache) as kept:
            return [kept[f"arr_{index}"].astype(np.float32) for index in range(len(waves))]
    from faster_whisper import WhisperModel

    model = WhisperModel(
        str(folder), device="cpu", compute_type="float32", cpu_threads=1, local_files_only=True
    )

    def encode(wave: np.ndarray) -> np.ndarray:
        frames = model.feature_extractor(wave)[:, :3000]
        frames = np.pad(frames, ((0, 0), (0, 3000 - frames.shape[1])), constant_values=frames.min())
        encoded: np.ndarray = np.array(model.encode(frames), dtype=np.float32)[0]
        return encoded

    features = teacher_features(encode, waves, passes=3, seed=0)
    together = np.concatenate(features)
    mean, deviation = together.mean(0), together.std(0) + 1e-5
    features = [np.clip((piece - mean) / deviation, -5, 5) for piece in features]
    np.savez(cache, *(piece.astype(np.float16) for piece in features))
    return features


def phones_of(row: LabelRow) -> torch.Tensor:
    """CTC targets of a row: its phones without punctuation."""
    spoken = phonemize(row.text, row.language, "v2")
    pairs = zip(spoken.phones, spoken.phone_ids, strict=True)
    return torch.tensor([1 + identity for phone, identity in pairs if phone[0].isalpha()])


def encoder(arguments: argparse.Namespace) -> None:
    """Trains the content encoder and writes it to `content_encoder`."""
    rows = rows_of(arguments.data)
    waves = [read_audio(row.clip(arguments.data.parent), 16000) for row in rows]
    note(f"{len(rows)} clips, {sum(map(len, waves)) / 16000 / 60:.1f} minutes")
    features = teacher_of(arguments.whisper, waves, arguments.work / "teacher.npz")
    note(f"teacher's features: {features[0].shape}")
    clips = [
        EncoderClip(
            wave=torch.from_numpy(wave),
            features=torch.from_numpy(piece),
            phones=torch.zeros(0, dtype=torch.long) if arguments.no_ctc else phones_of(row),
        )
        for row, wave, piece in zip(rows, waves, features, strict=True)
    ]
    torch.manual_seed(0)
    student = Student(EncoderSizes(), features[0].shape[1], SYMBOLS)
    note(f"{sum(p.numel() for p in student.encoder.parameters()) / 1e6:.1f} M parameters")

    def report(epoch: int, step: int, distillation: float, ctc: float) -> None:
        if step % 10 == 0:
            note(f"epoch {epoch} step {step} distillation {distillation:.4f} ctc {ctc:.4f}")

    training = EncoderTraining(epochs=arguments.epochs)
    train_encoder(student, clips, training, arguments.work / "encoder.state", report)
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


def features(arguments: argparse.Namespace) -> None:
    """Makes everything that the two trainings read, and the networks that they start from."""
    common = {"workspace": arguments.work, "experiment": NAME, "labels": arguments.data, "device": "cpu"}
    context = PrintingContext()
    note(make_phones(TextFeaturesParameters(**common), context).summary)
    content = SslFeaturesParameters(**common, content_encoder=arguments.work / "content_encoder")
    note(make_content(content, context).summary)
    folder = Workspace(arguments.work).experiment(NAME).ssl_folder
    tensors = [read_tensor(path) for path in sorted(folder.glob("*.pt"))]
    new_generator(arguments.work / GENERATOR_FILE, SOVITS, tensors)
    new_discriminators(arguments.work / DISCRIMINATOR_FILE, JUDGES)
    new_gpt(arguments.work / GPT_FILE, GPT)
    tokens = SemanticTokensParameters(**common, pretrained_sovits=arguments.work / GENERATOR_FILE)
    note(make_tokens(tokens, context).summary)


def sovits(arguments: argparse.Namespace) -> None:
    """Trains SoVITS."""
    parameters = TrainSovitsParameters(
        workspace=arguments.work,
        experiment=NAME,
        device=arguments.device,
        batch_size=arguments.batch,
        total_epochs=arguments.epochs,
        save_every_epochs=arguments.save_every,
        state_every_steps=200,
        learning_rate=arguments.rate or 5e-4,
        text_low_lr_rate=1.0,
        adversarial_from_step=arguments.adversarial_from,
        pretrained_generator=arguments.work / GENERATOR_FILE,
        pretrained_discriminator=arguments.work / DISCRIMINATOR_FILE,
    )
    note(train_sovits(parameters, PrintingContext()).summary)


def joined(arguments: argparse.Namespace) -> None:
    """Makes the GPT's data: every clip, and many random rows of two or three clips as one.

    Speaking continues a reference; from single clips alone the GPT learns that speech ends where
    a clip ends. The joined rows also keep it from knowing the few clips by heart.
    """
    source, target = (Workspace(arguments.work).experiment(name) for name in (NAME, GPT_NAME))
    phones, tokens = read_text_rows(source.text_file), read_semantic(source.semantic_file)
    names = sorted(phones.keys() & tokens.keys())
    random = np.random.default_rng(0)
    groups = [[name] for name in names]
    while len(groups) < arguments.rows:
        count = int(random.integers(2, 4))
        groups.append([names[index] for index in random.integers(len(names), size=count)])
    lines: list[str] = []
    joined_tokens: dict[str, tuple[int, ...]] = {}
    for index, group in enumerate(groups):
        label = f"{index:05}"
        spoken = tuple(phone for name in group for phone in phones[name].phones)
        text = " ".join(phones[name].norm_text for name in group)
        lines.append(TextRow(name=label, phones=spoken, word2ph=None, norm_text=text).as_line())
        joined_tokens[label] = tuple(token for name in group for token in tokens[name])
    write_text_lines(target.text_file, lines)
    write_semantic(target.semantic_file, joined_tokens)
    note(f"{len(groups)} rows in {target.folder}")


def gpt(arguments: argparse.Namespace) -> None:
    """Trains the GPT."""
    parameters = TrainGptParameters(
        workspace=arguments.work,
        experiment=GPT_NAME,
        device=arguments.device,
        batch_size=arguments.batch,
        total_epochs=arguments.epochs,
        save_every_epochs=arguments.save_every,
        state_every_steps=200,
        learning_rate=arguments.rate or 0.01,
        accumulate_batches=1,
        pretrained_gpt=arguments.work / GPT_FILE,
    )
    note(train_gpt(parameters, PrintingContext()).summary)


def newest(folder: Path) -> TrainingState:
    """The newest state of a training."""
    state = StateStore(folder, lambda text, level: note(f"{level}: {text}")).load()
    if state is None:
        sys.exit(f"Nothing has been trained in {folder} yet.")
    return state


def pack(arguments: argparse.Namespace) -> None:
    """Writes the newest states as half-precision weights, with the voice card, into `--out`."""
    workspace, v2 = Workspace(arguments.work), version("v2")
    out: Path = arguments.out
    sound = newest(workspace.experiment(NAME).sovits_folder(v2))
    speech = newest(workspace.experiment(GPT_NAME).gpt_folder(v2))
    remark = f"{sound.place.epoch}epoch_{sound.place.step}iteration"
    write_sovits(out / GENERATOR_FILE, sound.parts["generator"], SOVITS.to_checkpoint(), remark)
    judges = {name: tensor.half() for name, tensor in sound.parts["discriminators"].items()}
    write_weights(out / DISCRIMINATOR_FILE, {"weight": judges})
    weights = {KEY_PREFIX + name: tensor for name, tensor in speech.parts["gpt"].items()}
    write_gpt(out / GPT_FILE, weights, GPT.to_checkpoint(), f"GPT-e{speech.place.epoch}")
    shutil.copytree(arguments.work / "content_encoder", out / "content_encoder", dirs_exist_ok=True)
    rows = {Path(row.path).stem: row for row in rows_of(arguments.data)}
    row = rows[arguments.reference]
    reference = f"reference{Path(row.path).suffix}"
    shutil.copyfile(row.clip(arguments.data.parent), out / reference)
    card = VoiceCard(
        name=NAME,
        gpt=GPT_FILE,
        sovits=GENERATOR_FILE,
        content_encoder="content_encoder",
        reference=reference,
        prompt_text=row.text,
        about=ABOUT,
    )
    write_voice(out, card)
    note(f"{out}: SoVITS {remark}, GPT step {speech.place.step}")


STEPS: Final = {
    "encoder": encoder,
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
    parser.add_argument("--data", type=Path, required=True, help=".list file of the training clips")
    parser.add_argument("--work", type=Path, required=True, help="folder for states and results")
    parser.add_argument("--whisper", type=Path, help="folder of a faster-whisper model (step encoder)")
    parser.add_argument("--rows", type=int, default=4000, help="rows to train the GPT on (step joined)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8, help="clips in a training step")
    parser.add_argument("--rate", type=float, help="learning rate; empty takes the recipe's")
    parser.add_argument("--save-every", type=int, default=10, help="epochs between exported weights")
    parser.add_argument("--adversarial-from", type=int, default=1500, help="step at which the judges join")
    parser.add_argument("--reference", default=REFERENCE, help="clip of the voice card (step pack)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for step pack")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-ctc", action="store_true", help="distil only")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    STEPS[arguments.step](arguments)


if __name__ == "__main__":
    main()
