"""A trained experiment: prepared clips, and tiny exported weights of several epochs that speak."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from engine.models.gpt import Gpt, export_gpt
from engine.models.hubert import ContentEncoder
from engine.models.sovits import Sovits, export_sovits
from engine.protocol.versions import version
from engine.protocol.workspace import Experiment, Workspace
from tests.engine.infer.voices import CODES, CONTENT_CHANNELS, GPT, HUBERT, SOVITS, write_tone

V2 = version("v2")
CLIPS = {"一 it's 1.wav": 3.5, "二 2.wav": 5.0, "三 3.wav": 1.5}


@dataclass
class Studio:
    root: Path
    name: str = "声音 it's"
    gpts: dict[int, Path] = field(default_factory=dict)
    sovits: dict[int, Path] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    @property
    def experiment(self) -> Experiment:
        return self.workspace.experiment(self.name)

    @property
    def audition(self) -> Path:
        return self.experiment.folder / "audition"

    def save_gpt(self, epoch: int) -> Path:
        torch.manual_seed(epoch)
        path = self.workspace.gpt_weights(V2) / f"{self.name}-e{epoch}.ckpt"
        self.gpts[epoch] = export_gpt(path, Gpt(GPT), f"GPT-e{epoch}")
        return path

    def save_sovits(self, epoch: int) -> Path:
        torch.manual_seed(epoch)
        network = Sovits(SOVITS)
        network.set_codebook(torch.randn(CODES, CONTENT_CHANNELS))
        path = self.workspace.sovits_weights(V2) / f"{self.name}_e{epoch}_s{epoch * 5}.pth"
        self.sovits[epoch] = export_sovits(network, path, info=f"{epoch}epoch_{epoch * 5}iteration")
        return path


def make_studio(folder: Path, *, gpts=(5, 10), sovits=(4, 8)) -> Studio:
    """Writes clips, content encoder and weights into `<folder>/用户 it's 名`."""
    studio = Studio(folder / "用户 it's 名")
    torch.manual_seed(11)
    ContentEncoder(HUBERT).network.save_pretrained(studio.workspace.content_encoder)
    rows = []
    for name, seconds in CLIPS.items():
        write_tone(studio.experiment.wav_folder / name, seconds)
        rows.append(f"{name}\tHH AH0\tNone\tthis is what it says {len(rows)}\n")
    studio.experiment.text_file.write_text("".join(rows), encoding="utf-8")
    for epoch in gpts:
        studio.save_gpt(epoch)
    for epoch in sovits:
        studio.save_sovits(epoch)
    return studio
