"""Makes any speaker's clips even: `python resources/starter/even_clips.py --list LIST --out FOLDER`.

The starter voice knows only speech of even pace and pitch, so it can learn a speaker from such clips only.
What that needs (`steady.py`) are the times of the phones: the phones of a clip's text are laid along the
clip's content features. Each semantic code stands for a phone (`code_phones.json`); a frame costs a phone
what lies between the frame and the nearest of the phone's codes. The cheapest way through the text tells
when each phone is spoken; between two of them there may be a pause.

Writes `FOLDER/clips/*.wav` and `FOLDER/even.list`, ready for preparing; the recordings stay as they are.
After preparing, `--codes WORKSPACE/logs/NAME/4-cnhubert` corrects the content features, whose codes stand for
the right phone in a third of the tokens only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from engine.audio.io import read_audio
from engine.checkpoints.tensors import read_tensor
from engine.models.hubert import ContentEncoder, load_content_encoder
from engine.models.sovits import FRAMES_PER_CODE, Sovits, load_sovits
from engine.protocol.builtin import starter_voice
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.protocol.voices import CARD, read_voice
from engine.text.frontend import phonemize
from resources.starter.lessons import PAUSE, TOKENS_OF_PHONE, plain_phone, read_times
from resources.starter.steady import RATE_HZ, analyse, write_timed

Array = npt.NDArray[np.float32]

CODE_PHONES: Final = Path(__file__).with_name("code_phones.json")
LIST: Final = "even.list"
FRAME_S: Final = 0.02
_ENCODER_HZ: Final = 16000
_FAINT: Final = 0.0012
"""Noise of this level fills what a recording has nothing in, such as all notes above 8 kHz of a telephone's:
the training's loss hears a silence that is deeper than any voice's better than speech."""

_LOUDEST: Final = 0.8
_PAUSE_COST: Final = 2.0
"""What a pause between two phones costs, in frames that lie as far off as usual."""

_WORST: Final = 1.15
"""Clips whose frames lie farther than this from their phones are left out: they say something else."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """When the phones of a text are spoken.

    Attributes:
        times: End in seconds and name of everything that is spoken, pauses too.
        places: The place in the text of each of them, never falling.
        cost: How far a frame lies from its phone in the mean; the nearest of all phones is 1 away.
    """

    times: tuple[tuple[float, str], ...]
    places: tuple[int, ...]
    cost: float


def cheapest_way(
    costs: Array, states: Sequence[int], optional: Sequence[bool], fee: float
) -> npt.NDArray[np.int64]:
    """The state of every frame along the cheapest way from the first state to the last.

    Args:
        costs: (T, K) what a frame costs as each of K kinds.
        states: (S,) kind of each state, in the order in which they are passed.
        optional: (S,) whether a state may be left out; two in a row are not.
        fee: What it costs to enter a state that may be left out.

    Returns:
        (T,) places in `states`, never falling.

    Raises:
        ValueError: there are fewer frames than states that have to be passed.
    """
    kinds, free = np.asarray(states), np.asarray(optional)
    if len(costs) < int((~free).sum()):
        raise ValueError(f"{len(costs)} frames are too few for {int((~free).sum())} phones")
    entry = np.where(free, fee, 0.0)
    best = np.full(len(kinds), np.inf)
    first = [0, 1] if free[0] and len(kinds) > 1 else [0]
    best[first] = costs[0, kinds[first]] + entry[first]
    back = np.zeros((len(costs), len(kinds)), dtype=np.int64)
    for frame in range(1, len(costs)):
        ways = np.full((3, len(kinds)), np.inf)
        ways[0] = best
        ways[1, 1:] = best[:-1] + entry[1:]
        ways[2, 2:] = np.where(free[1:-1], best[:-2], np.inf) + entry[2:]
        back[frame] = ways.argmin(axis=0)
        best = ways.min(axis=0) + costs[frame, kinds]
    state = len(kinds) - 1
    if free[-1] and len(kinds) > 1 and best[-2] < best[-1]:
        state -= 1
    found = np.empty(len(costs), dtype=np.int64)
    for frame in range(len(costs) - 1, -1, -1):
        found[frame] = state
        state -= int(back[frame, state])
    return found


class Aligner:
    """Finds when the phones of a text are spoken, with a voice's content encoder and codes."""

    def __init__(self, encoder: ContentEncoder, network: Sovits, owners: Sequence[str]) -> None:
        """Takes the phone that each code stands for from `owners`."""
        self._encoder = encoder
        self._network = network
        self._names = tuple(sorted(set(owners)))
        codes = network.quantizer.vectors(torch.arange(len(owners))[None])[0].T
        rooms = [[code for code, owner in enumerate(owners) if owner == name] for name in self._names]
        self._rooms = [codes[torch.tensor(room)] for room in rooms]

    @torch.no_grad()
    def costs(self, wave: torch.Tensor) -> Array:
        """(T, K) how far each frame of 20 ms lies from each phone's nearest code; wave: (S,) at 16 kHz."""
        content = self._encoder.encode(wave[None])
        odd = torch.nn.functional.pad(content[..., 1:], (0, 1), mode="replicate")
        even, between = (self._network.project_content(one)[0].T for one in (content, odd))
        heard = torch.stack((even[: len(between)], between[: len(even)]), dim=1).flatten(0, 1)
        far = torch.stack([torch.cdist(heard, room).min(dim=1).values for room in self._rooms], dim=1)
        unit = far.min(dim=1).values.mean()
        costs: Array = (far / unit).numpy()
        return costs

    def align(self, wave: torch.Tensor, phones: Sequence[str]) -> Alignment | None:
        """When the phones of a text are spoken in a recording; None where they do not fit in.

        Args:
            wave: (S,) at 16 kHz.
            phones: The text's, as the program writes them.
        """
        costs = self.costs(wave)
        pause = self._names.index(PAUSE)
        states, places = [pause], [0]
        for place, phone in enumerate(map(plain_phone, phones)):
            if phone in self._names and phone != PAUSE:
                states += [self._names.index(phone), pause]
                places += [place, place]
            elif places:
                places[-1] = place  # a mark is a pause that may be left out
        free = [state == pause for state in states]
        if len(costs) < len(states) - sum(free):
            return None
        way = cheapest_way(costs, states, free, _PAUSE_COST)
        ends = np.flatnonzero(np.diff(way, append=-1))
        # frame t is the mean of the windows t and t + 1 of the encoder, whose middle is (t + 1.5) * 20 ms
        times = tuple(((float(end) + 2.0) * FRAME_S, self._names[states[way[end]]]) for end in ends)
        cost = float(costs[np.arange(len(way)), np.asarray(states)[way]].mean())
        return Alignment(times, tuple(places[way[end]] for end in ends), cost)


def code_phones() -> list[str]:
    """The phone that each of the starter voice's codes stands for."""
    found: list[str] = json.loads(CODE_PHONES.read_text(encoding="utf-8"))
    return found


def starter_aligner(voice: Path) -> Aligner:
    """An aligner with the content encoder and codes of a starter voice's folder."""
    card = read_voice(voice / CARD)
    if card.content_encoder is None:
        raise SystemExit(f"{voice} has no content encoder.")
    return Aligner(
        load_content_encoder(card.content_encoder), load_sovits(card.sovits, posterior=False), code_phones()
    )


def right_codes(folder: Path, even: Path, network: Sovits, owners: Sequence[str]) -> float:
    """Corrects the content features of prepared even clips: every code stands for the phone that is spoken.

    The content encoder tells the phones of a voice that it has not heard, at a pace that it has not heard,
    for a third of the tokens only; here they are known. Where a code mostly stands for another phone, the
    nearest that stands for the right one is taken; the features become the codes' own vectors.

    Args:
        folder: `.pt` files of content features, named `NAME.wav.pt`.
        even: Folder of the even clips, with their `.lab` files.
        network: Whose codes they are.
        owners: The phone that each code stands for.

    Returns:
        The share of codes that were right before.
    """
    vectors = network.quantizer.vectors(torch.arange(len(owners))[None])[0].T
    rooms = {
        name: torch.tensor([code for code, owner in enumerate(owners) if owner == name])
        for name in set(owners)
    }
    right = total = 0
    for path in sorted(folder.glob("*.pt")):
        content = read_tensor(path).float()
        content = content if content.ndim == 3 else content[None]
        phones = [phone for _, phone in read_times((even / path.stem).with_suffix(".lab"))]
        found = []
        for token, heard in enumerate(network.project_content(content)[0].T):
            phone = phones[min(token // TOKENS_OF_PHONE, len(phones) - 1)]
            code = int((vectors - heard).square().sum(dim=1).argmin())
            total += 1
            right += owners[code] == phone
            if phone in rooms and owners[code] != phone:
                room = rooms[phone]
                code = int(room[(vectors[room] - heard).square().sum(dim=1).argmin()])
            found.append(code)
        exact = vectors[torch.tensor(found)].T.repeat_interleave(FRAMES_PER_CODE, dim=1)[None]
        missing = max(content.shape[-1] - exact.shape[-1], 0)
        exact = torch.nn.functional.pad(exact, (0, missing), mode="replicate")
        torch.save(exact.to(torch.float16), path)
    return right / max(total, 1)


def filled(wave: Array) -> Array:
    """A recording (S,) as loud as can be, with faint noise beneath it."""
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    return wave * (_LOUDEST / max(float(np.abs(wave).max(initial=0)), _FAINT)) + _FAINT * noise


def make_even(labels: Path, out: Path, aligner: Aligner) -> list[LabelRow]:
    """Writes an even clip for each row of a list whose text fits its sound; the rows of what was made."""
    clips = out / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    made = []
    for number, row in enumerate(read_labels(labels).rows):
        recording = row.clip(labels.parent)
        phones = phonemize(row.text, row.language, "v2").phones
        found = aligner.align(torch.from_numpy(read_audio(recording, _ENCODER_HZ)), phones)
        if found is None or found.cost > _WORST:
            continue
        path = clips / f"{number:04}_{recording.stem}.wav"
        write_timed(analyse(filled(read_audio(recording, RATE_HZ))), found.times, found.places, phones, path)
        made.append(replace(row, path=f"{clips.name}/{path.name}"))
    write_labels(out / LIST, made)
    return made


def main() -> None:
    """Writes the clips and their list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips and their list")
    parser.add_argument("--voice", type=Path, default=starter_voice(), help="folder with a voice.json")
    parser.add_argument(
        "--codes", type=Path, metavar="FOLDER", help="correct these content features of clips made before"
    )
    given = parser.parse_args()
    if given.codes:
        network = load_sovits(read_voice(given.voice / CARD).sovits, posterior=False)
        share = right_codes(given.codes, given.out / "clips", network, code_phones())
        sys.stdout.write(f"{share:.2f} of the codes were right before.\n")
        return
    rows = read_labels(given.list).rows
    made = make_even(given.list, given.out, starter_aligner(given.voice))
    sys.stdout.write(f"{len(made)} of {len(rows)} clips are even now: {given.out / LIST}\n")


if __name__ == "__main__":
    main()
