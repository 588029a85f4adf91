"""Plays into a PulseAudio null sink and compares what its monitor heard."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 48000
PULSE = """load-module module-native-protocol-unix
load-module module-null-sink sink_name=testsink rate=48000 channels=2
set-default-sink testsink
set-default-source testsink.monitor
"""
PLAY = """
import sys
from pathlib import Path
import soundfile
from PySide6.QtCore import QCoreApplication, QTimer
from gsv_desktop.widgets.player import Player, PlayerState
mode, path = sys.argv[1], Path(sys.argv[2])
application = QCoreApplication([])
player = Player(device="pulse")
player.failed.connect(lambda message, hint: (print("FAILED", message), application.exit(3)))
seconds = []
player.position_changed.connect(seconds.append)
player.state_changed.connect(lambda state: application.quit() if state is PlayerState.IDLE else None)
def begin():
    if mode == "file":
        player.play_file(path)
        return
    pcm, rate = soundfile.read(path, dtype="int16")
    player.start_live(rate)
    chunks = [pcm[at:at + 4000].tobytes() for at in range(0, len(pcm), 4000)]
    timer = QTimer(application)
    def feed():
        if chunks:
            player.feed(chunks.pop(0))
        else:
            timer.stop()
            player.finish_live()
    timer.timeout.connect(feed)
    timer.start(60)
QTimer.singleShot(0, begin)
code = application.exec()
assert seconds == sorted(seconds), "the position went back"
sys.exit(code)
"""


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[dict[str, str]]:
    for program in ("pulseaudio", "parec", "pactl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    runtime = tmp_path / "pulse"
    runtime.mkdir(mode=0o700)
    script = tmp_path / "null.pa"
    script.write_text(PULSE, encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime),
        "PULSE_SERVER": f"unix:{runtime}/native",
    }
    daemon = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm", "-F", str(script)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            asked = subprocess.run(
                ["pactl", "info"], env=environment, capture_output=True, check=False, timeout=10
            )
            if asked.returncode == 0:
                break
            if daemon.poll() is not None:
                pytest.skip("pulseaudio does not start here")
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(timeout=10)


def chirp(path: Path, rate_hz: int) -> np.ndarray:
    time_s = np.arange(int(rate_hz * 1.5)) / rate_hz
    wave = (0.3 * np.sin(2 * np.pi * (300 * time_s + 400 * time_s**2))).astype(np.float32)
    soundfile.write(path, wave, rate_hz, subtype="PCM_16")
    return wave


def play_and_record(environment: dict[str, str], mode: str, path: Path, folder: Path) -> np.ndarray:
    recorded = folder / "heard.raw"
    with recorded.open("wb") as stream:
        recorder = subprocess.Popen(
            ["parec", "-d", "testsink.monitor", "--format=float32le", f"--rate={RATE_HZ}", "--channels=1"],
            env=environment,
            stdout=stream,
        )
        try:
            played = subprocess.run(
                [sys.executable, "-c", PLAY, mode, str(path)],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        finally:
            recorder.terminate()
            recorder.wait(timeout=10)
    assert played.returncode == 0, played.stdout + played.stderr
    return np.fromfile(recorded, np.float32)


def likeness(heard: np.ndarray, wave: np.ndarray) -> float:
    """Correlation of the wave with the part of the recording that fits it best."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(wave))))
    fit = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wave, size)))[: len(heard)]
    start = int(fit.argmax())
    part = heard[start : start + len(wave)]
    return float(np.corrcoef(part, wave[: len(part)])[0, 1]) * len(part) / len(wave)


@pytest.mark.parametrize("mode", ["file", "live"])
def test_every_sample_is_heard_from_the_start_to_the_end(pulse, tmp_path, mode):
    path = tmp_path / "用户 it's 名.wav"
    wave = chirp(path, RATE_HZ)
    heard = play_and_record(pulse, mode, path, tmp_path)
    assert likeness(heard, wave) > 0.98


def test_without_a_sound_output_the_user_is_told(qtbot, tmp_path):
    from gsv_desktop.widgets.player import Player, PlayerState

    path = tmp_path / "a.wav"
    chirp(path, 16000)
    player = Player(device="no such device")
    with qtbot.waitSignal(player.failed) as failed:
        player.play_file(path)
    assert "cannot be played" in failed.args[0]
    assert failed.args[1]
    assert player.state is PlayerState.IDLE


def test_a_file_that_is_no_sound_is_named(qtbot, tmp_path):
    from gsv_desktop.widgets.player import Player

    path = tmp_path / "fake.wav"
    path.write_text("x", encoding="utf-8")
    player = Player()
    with qtbot.waitSignal(player.failed) as failed:
        player.play_file(path)
    assert "fake.wav" in failed.args[0]
