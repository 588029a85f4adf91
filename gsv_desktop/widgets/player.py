"""Plays through the system's sound output."""

from __future__ import annotations

import logging
import threading
from enum import StrEnum
from pathlib import Path
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.protocol.errors import EngineError
from gsv_desktop.widgets.sound_source import BLOCK_FRAMES, FileSource, LiveSource, SoundSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

log = logging.getLogger(__name__)
QUEUE_BLOCKS: Final = 24
FADE_S: Final = 0.005
LEAD_S: Final = 0.12
TAIL_S: Final = 0.25
POLL_MS: Final = 30
PUT_WAIT_S: Final = 0.1
CHANNELS: Final = 2


class PlayerState(StrEnum):
    """What the player does."""

    IDLE = "idle"
    PLAYING = "playing"
    PAUSED = "paused"


class Player(QObject):
    """One sound at a time, from a file or as it is made.

    Signals:
        position_changed: the second that is heard now.
        state_changed: the new PlayerState.
        failed: message and hint for the user.
    """

    position_changed = Signal(float)
    state_changed = Signal(object)
    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None, device: str | None = None) -> None:
        """Makes a player; the sound system is touched at the first sound only.

        Args:
            parent: Qt parent.
            device: name of an output device; None for the system's own choice.
        """
        super().__init__(parent)
        self._device = device
        self._playback: _Playback | None = None
        self._live: LiveSource | None = None
        self._state = PlayerState.IDLE
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._on_tick)

    @property
    def state(self) -> PlayerState:
        """What it does now."""
        return self._state

    def play_file(self, path: Path, start_s: float = 0.0, stop_s: float | None = None) -> None:
        """Plays a file or a stretch of it."""
        self.stop()
        try:
            source = FileSource(path, start_s, stop_s)
        except EngineError as error:
            self.failed.emit(error.message, error.hint)
            return
        self._begin(source, start_s)

    def start_live(self, rate_hz: int) -> None:
        """Gets ready for speech that will be fed."""
        self.stop()
        live = LiveSource(rate_hz)
        if self._begin(live, 0.0):
            self._live = live

    def feed(self, pcm: bytes) -> None:
        """Adds 16-bit samples to the speech that is playing."""
        if self._live is not None:
            self._live.feed(pcm)

    def finish_live(self) -> None:
        """Lets the speech end after what was fed."""
        if self._live is not None:
            self._live.finish()
            self._live = None

    def pause(self) -> None:
        """Holds."""
        if self._playback is not None and self._state is PlayerState.PLAYING:
            self._playback.paused = True
            self._enter(PlayerState.PAUSED)

    def resume(self) -> None:
        """Goes on."""
        if self._playback is not None and self._state is PlayerState.PAUSED:
            self._playback.paused = False
            self._enter(PlayerState.PLAYING)

    def stop(self) -> None:
        """Ends at once."""
        self._timer.stop()
        self._live = None
        if self._playback is not None:
            self._playback.close()
            self._playback = None
        self._enter(PlayerState.IDLE)

    def _begin(self, source: SoundSource, start_s: float) -> bool:
        try:
            self._playback = _Playback(source, start_s, self._device)
        except _NoSound as error:
            self.failed.emit(self.tr("The sound cannot be played (%s).") % error, self._remedy())
            return False
        self._timer.start()
        self._enter(PlayerState.PLAYING)
        return True

    def _remedy(self) -> str:
        return self.tr(
            "Connect or choose a sound output in the system's settings; on Linux, install libportaudio2."
        )

    def _enter(self, state: PlayerState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)

    @Slot()
    def _on_tick(self) -> None:
        if self._playback is None:
            return
        self.position_changed.emit(self._playback.position_s())
        if self._playback.finished.is_set():
            fault = self._playback.fault
            self.stop()
            if fault:
                self.failed.emit(self.tr("The sound broke off (%s).") % fault, "")


class _NoSound(Exception):
    """There is no way to play."""


class _Playback:
    """One sound on its way: a thread fills a bounded queue, the sound system's callback empties it."""

    def __init__(self, source: SoundSource, start_s: float, device: str | None) -> None:
        self.paused = False
        self.finished = threading.Event()
        self.fault = ""
        self._start_s = start_s
        self._source_rate_hz = source.rate_hz
        self._queue: Queue[Samples | None] = Queue(QUEUE_BLOCKS)
        self._rest: Samples | None = None
        self._closing = threading.Event()
        self._exhausted = False
        self._silent_frames = 0
        self._heard_frames = 0
        self._stream = self._open(device)
        self._rate_hz = int(self._stream.samplerate)
        self._lead_frames = int(LEAD_S * self._rate_hz)
        self._tail_frames = int((TAIL_S + float(self._stream.latency)) * self._rate_hz)
        self._feeder = threading.Thread(target=self._feed, args=(source,), name="player", daemon=True)
        self._feeder.start()
        self._stream.start()

    def position_s(self) -> float:
        """The second of the source that leaves the loudspeaker about now."""
        behind = float(self._stream.latency) * self._rate_hz
        return self._start_s + max(0.0, self._heard_frames - behind) / self._rate_hz

    def close(self) -> None:
        """Ends at once and waits for the thread."""
        self._closing.set()
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)
        self._feeder.join(timeout=2)

    def _open(self, device: str | None) -> Any:
        """The output stream at the source's rate, or at the device's own when it refuses that."""
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise _NoSound(str(error)) from error
        try:
            rates = [float(self._source_rate_hz)]
            rates.append(float(sounddevice.query_devices(device, "output")["default_samplerate"]))
            for rate_hz in rates[:-1]:
                try:
                    return self._stream_at(sounddevice, device, rate_hz)
                except sounddevice.PortAudioError as error:
                    log.info("%s Hz refused: %s", rate_hz, error)
            return self._stream_at(sounddevice, device, rates[-1])
        except (sounddevice.PortAudioError, ValueError) as error:
            raise _NoSound(str(error)) from error

    def _stream_at(self, sounddevice: Any, device: str | None, rate_hz: float) -> Any:
        return sounddevice.OutputStream(
            samplerate=rate_hz,
            channels=CHANNELS,
            dtype="float32",
            device=device,
            latency="high",
            callback=self._on_samples_wanted,
            finished_callback=self.finished.set,
        )

    def _feed(self, source: SoundSource) -> None:
        try:
            for block in self._shaped(source):
                if not self._put(block):
                    return
        except (EngineError, RuntimeError, OSError) as error:
            log.exception("reading the sound failed")
            self.fault = str(error)
        self._put(None)

    def _put(self, block: Samples | None) -> bool:
        while not self._closing.is_set():
            try:
                self._queue.put(block, timeout=PUT_WAIT_S)
            except Full:
                continue
            return True
        return False

    def _shaped(self, source: SoundSource) -> Any:
        """The source's blocks at the stream's rate, faded in so that the start does not click."""
        import numpy as np

        convert = _converter(source.rate_hz, self._rate_hz)
        fade = np.linspace(0, 1, max(1, int(FADE_S * self._rate_hz)), dtype=np.float32)
        done = 0
        for block in source.blocks():
            if self._closing.is_set():
                return
            samples = convert(block, False)
            if len(samples) and done < len(fade):
                samples = samples.copy()
                part = fade[done : done + len(samples)]
                samples[: len(part)] *= part
            done += len(samples)
            if len(samples):
                yield samples
        rest = convert(np.zeros(0, dtype=np.float32), True)
        if len(rest):
            yield rest

    def _on_samples_wanted(self, out: Any, frames: int, time: Any, status: Any) -> None:  # noqa: ARG002
        """PortAudio's callback: gives samples or silence, never waits."""
        import sounddevice

        out.fill(0)
        if self.paused:
            return
        at = min(frames, self._lead_frames)
        self._lead_frames -= at
        while at < frames and not self._exhausted:
            block = self._next_block()
            if block is None:
                break
            count = min(frames - at, len(block))
            out[at : at + count] = block[:count, None]
            self._rest = block[count:] if count < len(block) else None
            at += count
            self._heard_frames += count
        if self._exhausted:
            self._silent_frames += frames - at
            if self._silent_frames >= self._tail_frames:
                raise sounddevice.CallbackStop

    def _next_block(self) -> Samples | None:
        if self._rest is not None:
            return self._rest
        try:
            block = self._queue.get_nowait()
        except Empty:
            return None
        if block is None:
            self._exhausted = True
        return block


def _converter(source_hz: int, target_hz: int) -> Any:
    """A function from source samples to target samples that remembers where it is."""
    if source_hz == target_hz:
        return lambda block, last: block  # noqa: ARG005
    import soxr

    stream = soxr.ResampleStream(source_hz, target_hz, 1, dtype="float32")
    return lambda block, last: stream.resample_chunk(block, last=last)


__all__ = ["BLOCK_FRAMES", "Player", "PlayerState"]
