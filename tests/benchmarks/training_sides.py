"""The two sides of `tests.benchmarks.training`: our step and the original's, on the same data and weights.

`python -m tests.benchmarks.training_sides SIDE ...` is the process of one side: it prints one line of
JSON when it is ready, then does a step for every line `step` on its stdin and prints its seconds, of the
clock and of the processor, and on `end` its highest memory.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.benchmarks.versions import peak_mb

Step = Callable[[int], float]
"""Does one step, counted from 0, and gives its loss."""

CLIP_S = (4.0, 5.5)
"""Lengths of the two clips of a batch."""
PHONES_PER_S = 12
BATCHES_A_STEP = 4
"""Batches of the GPT that are gathered before it moves once, on both sides."""
_RATE_HZ = 32000
_HOP = 640
_TOKENS_PER_S = 25


def sovits_data(speaker_channels: int = 0) -> Any:
    """A batch of two made-up clips."""
    from engine.audio.spectrogram import linear_spectrogram
    from engine.train.sovits_data import SovitsBatch

    chance = torch.Generator().manual_seed(5)
    frames = [int(seconds * _RATE_HZ) // _HOP for seconds in CLIP_S]
    longest = 2 * (max(frames) // 2 + 1)
    wave = torch.zeros(len(frames), 1, longest * _HOP)
    spectrogram = torch.zeros(len(frames), 1025, longest)
    for row, count in enumerate(frames):
        steps = torch.arange(count * _HOP) / _RATE_HZ
        tone = 0.3 * torch.sin(2 * math.pi * (150 + 40 * row) * steps)
        wave[row, 0, : len(tone)] = tone + 0.03 * torch.randn(len(tone), generator=chance)
        spectrogram[row, :, :count] = linear_spectrogram(wave[row, :, : len(tone)])[0]
    lengths = [int(seconds * PHONES_PER_S) for seconds in CLIP_S]
    return SovitsBatch(
        ssl=torch.randn(len(frames), 768, longest, generator=chance),
        spectrogram=spectrogram,
        frames=torch.tensor(frames),
        wave=wave,
        phones=torch.randint(1, 700, (len(frames), max(lengths)), generator=chance),
        phone_lengths=torch.tensor(lengths),
        speaker=torch.randn(len(frames), speaker_channels, generator=chance) if speaker_channels else None,
    )


def gpt_data() -> list[Any]:
    """The batches of one step, of two made-up clips each."""
    from engine.train.gpt_data import GptBatch

    chance = torch.Generator().manual_seed(5)
    tokens = [int(seconds * _TOKENS_PER_S) for seconds in CLIP_S]
    phones = [int(seconds * PHONES_PER_S) for seconds in CLIP_S]
    made = []
    for _ in range(BATCHES_A_STEP):
        semantic = torch.randint(0, 1024, (len(tokens), max(tokens)), generator=chance)
        for row, count in enumerate(tokens):
            semantic[row, count:] = 1024
        made.append(
            GptBatch(
                phones=torch.randint(1, 700, (len(phones), max(phones)), generator=chance),
                phones_len=torch.tensor(phones),
                semantic=semantic,
                semantic_len=torch.tensor(tokens),
                bert=torch.randn(len(phones), 1024, max(phones), generator=chance),
            )
        )
    return made


def our_sovits(weights: Path, device: str, precision: str) -> Step:
    """A step of our stage."""
    from engine.models.discriminators import load_discriminators
    from engine.models.sovits import load_sovits
    from engine.protocol.stages.training import TrainSovitsParameters
    from engine.train.sovits import SovitsTraining
    from engine.train.sovits_data import SovitsItem

    parameters = TrainSovitsParameters(
        workspace=weights, experiment="benchmark", batch_size=2, device=device, precision=precision
    )
    item = SovitsItem(name="a", phones=(1,), sound=weights, content=weights, frames=100)
    generator, judges = load_sovits(weights / "s2G.pth"), load_discriminators(weights / "s2D.pth")
    training = SovitsTraining(parameters, generator, judges, [item], weights)
    training.begin_epoch(0)
    data = [sovits_data()]
    return lambda step: training.step(data, step, lambda: None)["loss"]


def our_gpt(weights: Path, device: str, precision: str) -> Step:
    """A step of our stage: several batches."""
    from engine.models.gpt import load_gpt
    from engine.protocol.stages.training import TextPadding, TokenPadding, TrainGptParameters
    from engine.train.gpt import GptTraining
    from engine.train.gpt_data import GptItem

    parameters = TrainGptParameters(
        workspace=weights,
        experiment="benchmark",
        batch_size=2,
        device=device,
        precision=precision,
        text_padding=TextPadding.ORIGINAL,  # so that the two sides' losses can be compared
        token_padding=TokenPadding.ORIGINAL,
    )
    item = GptItem(name="a", phones=(1,), tokens=(1,), seconds=1.0, bert=None)
    training = GptTraining(parameters, load_gpt(weights / "s1.ckpt"), [item], weights)
    training.begin_epoch(0)
    data = gpt_data()
    return lambda step: training.step(data, step, lambda: None)["loss"]


def _stand_ins() -> None:
    """What the original's modules import and a step of v2 makes no use of, or little: see `_TopShare`."""
    contents: Mapping[str, Mapping[str, object]] = {
        "f5_tts": {},
        "f5_tts.model": {"DiT": object},  # of v3 and v4 only
        "torchmetrics": {},
        "torchmetrics.classification": {"MulticlassAccuracy": _TopShare},
    }
    for name, parts in contents.items():
        module = types.ModuleType(name)
        for key, value in parts.items():
            setattr(module, key, value)
        sys.modules[name] = module


class _TopShare(torch.nn.Module):
    """Share of the targets among the likeliest: what the original asks `torchmetrics` for, only quicker."""

    def __init__(self, _classes: int, *, top_k: int, ignore_index: int, **_more: object) -> None:
        super().__init__()
        self._top, self._ignored = top_k, ignore_index

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Scores (B, V, T) against targets (B, T)."""
        hit = (scores.topk(self._top, dim=1).indices == targets[:, None]).any(dim=1)
        counted = targets != self._ignored
        return (hit & counted).sum() / counted.sum()


def _official(weights: Path) -> Mapping[str, Tensor]:
    from engine.checkpoints.reader import read_checkpoint

    return {name: tensor.float() for name, tensor in read_checkpoint(weights).weights.items()}


def original_sovits(weights: Path, device: str, folder: Path) -> Step:
    """The original's networks, losses and spectrograms; their order is its loop's, the calls are ours."""
    _stand_ins()
    sys.path.insert(0, str(folder))
    from module import commons, losses, mel_processing, models  # type: ignore[import-not-found]

    settings = json.loads((folder / "configs" / "s2.json").read_text(encoding="utf-8"))
    train, sound = settings["train"], settings["data"]
    frames = train["segment_size"] // sound["hop_length"]
    generator = models.SynthesizerTrn(
        sound["filter_length"] // 2 + 1,
        frames,
        n_speakers=sound["n_speakers"],
        **settings["model"] | {"version": "v2"},
    )
    judges = models.MultiPeriodDiscriminator(settings["model"]["use_spectral_norm"], version="v2")
    generator.load_state_dict(_official(weights / "s2G.pth"), strict=False)
    judges.load_state_dict(_official(weights / "s2D.pth"))
    generator.to(device).train()
    judges.to(device).train()
    optimisers = _original_optimisers(generator, judges, train)
    data = sovits_data()
    mel_bands = (sound["filter_length"], sound["n_mel_channels"], sound["sampling_rate"])
    mel_range = (sound["mel_fmin"], sound["mel_fmax"])

    def step(_: int) -> float:
        batch = data.to(torch.device(device))
        made, kl_ssl, starts, _, mask, latents, _ = generator(
            batch.ssl, batch.spectrogram, batch.frames, batch.phones, batch.phone_lengths
        )
        wanted = mel_processing.spec_to_mel_torch(batch.spectrogram, *mel_bands, *mel_range)
        wanted = commons.slice_segments(wanted, starts, frames)
        hop = sound["hop_length"]
        got = mel_processing.mel_spectrogram_torch(
            made.squeeze(1), *mel_bands, hop, sound["win_length"], *mel_range
        )
        real = commons.slice_segments(batch.wave, starts * hop, train["segment_size"])
        true_scores, made_scores, _, _ = judges(real, made.detach())
        judged, _, _ = losses.discriminator_loss(true_scores, made_scores)
        optimisers[1].zero_grad()
        judged.backward()
        commons.clip_grad_value_(judges.parameters(), None)
        optimisers[1].step()
        _, made_scores, true_layers, made_layers = judges(real, made)
        _, prior_latent, prior_mean, prior_scale, _, posterior_scale = latents
        total = torch.nn.functional.l1_loss(wanted, got) * train["c_mel"]
        total = total + losses.kl_loss(prior_latent, posterior_scale, prior_mean, prior_scale, mask)
        total = total + losses.feature_loss(true_layers, made_layers) + kl_ssl
        total = total + losses.generator_loss(made_scores)[0]
        optimisers[0].zero_grad()
        total.backward()
        commons.clip_grad_value_(generator.parameters(), None)
        optimisers[0].step()
        return float(total.detach())

    return step


def _original_optimisers(
    generator: torch.nn.Module, judges: torch.nn.Module, train: Mapping[str, Any]
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """AdamW with the original's options, the text parts at their share of the rate."""
    parts = ("enc_p.text_embedding.", "enc_p.encoder_text.", "enc_p.mrte.")
    groups: dict[str, list[Tensor]] = {part: [] for part in ("", *parts)}
    for name, tensor in generator.named_parameters():
        part = next((part for part in parts if name.startswith(part)), "")
        if tensor.requires_grad or part:
            groups[part].append(tensor)
    rate, share = train["learning_rate"], train["text_low_lr_rate"]
    options = {"betas": tuple(train["betas"]), "eps": train["eps"]}
    grouped = [{"params": tensors, "lr": rate * (share if part else 1)} for part, tensors in groups.items()]
    return (
        torch.optim.AdamW(grouped, rate, **options),
        torch.optim.AdamW(judges.parameters(), rate, **options),
    )


def original_gpt(weights: Path, device: str, folder: Path) -> Step:
    """The original's network, loss and optimiser, in the order of its module for Lightning."""
    _stand_ins()
    sys.path.insert(0, str(folder))
    import yaml
    from AR.models.t2s_model import Text2SemanticDecoder  # type: ignore[import-not-found]
    from AR.modules.optim import ScaledAdam  # type: ignore[import-not-found]

    with (folder / "configs" / "s1longer-v2.yaml").open(encoding="utf-8") as stream:
        settings = yaml.safe_load(stream)
    model = Text2SemanticDecoder(config=settings, top_k=3)
    stored = _official(weights / "s1.ckpt")
    model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in stored.items()})
    model.to(device).train()
    optimiser = ScaledAdam(
        model.parameters(),
        lr=0.002,
        betas=(0.9, 0.95),
        clipping_scale=2.0,
        parameters_names=[[name for name, _ in model.named_parameters()]],
        show_dominant_parameters=False,
        clipping_update_period=1000,
    )
    data = gpt_data()

    def step(_: int) -> float:
        total = 0.0
        for given in data:
            batch = given.to(torch.device(device))
            loss, _ = model.forward_old(
                batch.phones, batch.phones_len, batch.semantic, batch.semantic_len, batch.bert
            )
            loss.backward()
            total += float(loss.detach())
        optimiser.step()
        optimiser.zero_grad()
        return total / sum(batch.targets for batch in data)

    return step


def serve(step: Step) -> None:
    """Does steps as stdin asks for them."""
    _say({"ready": True})
    for count, line in enumerate(sys.stdin):
        if line.strip() != "step":
            break
        begun, worked = time.perf_counter(), time.process_time()
        loss = step(count)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
        _say({"seconds": seconds, "cpu": cpu, "loss": loss})
    gpu_mb = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0
    _say({"peak_mb": peak_mb(), "gpu_mb": gpu_mb})


def _say(words: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    """One side's process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=["sovits", "gpt"])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--original", type=Path, help="the original's folder; without it, our side")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    if given.original:
        sides = {"sovits": original_sovits, "gpt": original_gpt}
        serve(sides[given.network](given.weights, given.device, given.original))
    else:
        ours = {"sovits": our_sovits, "gpt": our_gpt}
        serve(ours[given.network](given.weights, given.device, given.precision))


if __name__ == "__main__":
    main()
