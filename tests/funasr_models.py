"""Tiny random FunASR models, written as the published ones lie on a disk."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from engine.dataset.funasr_folder import open_folder
from engine.dataset.funasr_library import auto_model

CHARACTERS = tuple("今天气很好我们去公园玩吧你说什么呢")
FEATURES = 560
SANM = {
    "output_size": 16,
    "attention_heads": 2,
    "linear_units": 24,
    "num_blocks": 2,
    "dropout_rate": 0.1,
    "positional_dropout_rate": 0.1,
    "attention_dropout_rate": 0.1,
    "input_layer": "pe",
    "pos_enc_class": "SinusoidalPositionEncoder",
    "normalize_before": True,
    "kernel_size": 11,
    "sanm_shfit": 0,
    "selfattention_layer_type": "sanm",
}
FRONTEND = {
    "fs": 16000,
    "window": "hamming",
    "n_mels": 80,
    "frame_length": 25,
    "frame_shift": 10,
    "dither": 0.0,
}
TOKENS = ["<blank>", "<s>", "</s>", *CHARACTERS, "<unk>"]


def write_paraformer(folder: Path) -> Path:
    """A network that hears Chinese characters."""
    decoder = {
        "attention_heads": 2,
        "linear_units": 24,
        "num_blocks": 2,
        "dropout_rate": 0.1,
        "positional_dropout_rate": 0.1,
        "self_attention_dropout_rate": 0.1,
        "src_attention_dropout_rate": 0.1,
        "att_layer_num": 2,
        "kernel_size": 11,
        "sanm_shfit": 0,
    }
    settings = {
        "model": "Paraformer",
        "model_conf": {"ctc_weight": 0.0, "lsm_weight": 0.1, "predictor_weight": 1.0, "sampling_ratio": 0.75},
        "encoder": "SANMEncoder",
        "encoder_conf": SANM,
        "decoder": "ParaformerSANMDecoder",
        "decoder_conf": decoder,
        "predictor": "CifPredictorV2",
        "predictor_conf": {"idim": 16, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "lfr_m": 7, "lfr_n": 6},
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }
    folder.mkdir(parents=True)
    (folder / "tokens.json").write_text(json.dumps(TOKENS), encoding="utf-8")
    _write_statistics(folder / "am.mvn", FEATURES)
    return _finish(folder, settings)


def write_pauses(folder: Path) -> Path:
    """A network that finds speech everywhere."""
    settings = {
        "model": "FsmnVADStreaming",
        "model_conf": {"sample_rate": 16000, "max_end_silence_time": 800, "speech_noise_thres": 0.6},
        "encoder": "FSMN",
        "encoder_conf": {
            "input_dim": 400,
            "input_affine_dim": 8,
            "fsmn_layers": 1,
            "linear_dim": 8,
            "proj_dim": 8,
            "lorder": 4,
            "rorder": 0,
            "lstride": 1,
            "rstride": 0,
            "output_affine_dim": 8,
            "output_dim": 6,
        },
        "frontend": "WavFrontendOnline",
        "frontend_conf": {**FRONTEND, "lfr_m": 5, "lfr_n": 1},
    }
    folder.mkdir(parents=True)
    _write_statistics(folder / "am.mvn", 400)
    return _finish(
        folder, settings, {"encoder.out_linear2.linear.bias": torch.tensor([-20.0, 0, 0, 0, 0, 0])}
    )


def write_marks(folder: Path) -> Path:
    """A network that sets punctuation."""
    settings = {
        "model": "CTTransformer",
        "model_conf": {
            "ignore_id": 0,
            "embed_unit": 16,
            "att_unit": 16,
            "dropout_rate": 0.1,
            "punc_list": ["<unk>", "_", "，", "。", "？", "、"],
            "punc_weight": [1.0] * 6,
            "sentence_end_id": 3,
        },
        "encoder": "SANMEncoder",
        "encoder_conf": {**SANM, "input_size": 16, "num_blocks": 1, "padding_idx": 0},
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>"},
    }
    folder.mkdir(parents=True)
    (folder / "tokens.json").write_text(json.dumps(TOKENS), encoding="utf-8")
    return _finish(folder, settings)


def write_uniasr(folder: Path) -> Path:
    """A network that hears Cantonese."""
    chunks = {
        "pad_left": [5, 10],
        "encoder_att_look_back_factor": [0, 0],
        "decoder_att_look_back_factor": [0, 0],
    }
    decoder = {
        "attention_dim": 16,
        "attention_heads": 2,
        "linear_units": 24,
        "num_blocks": 1,
        "att_layer_num": 1,
        "kernel_size": 11,
        "concat_embeds": True,
    }
    predictor = {"idim": 16, "threshold": 1.0, "l_order": 1, "r_order": 1}
    settings = {
        "model": "UniASR",
        "model_conf": {"ctc_weight": 0.0, "predictor_weight": 1.0, "loss_weight_model1": 0.5},
        "encoder": "SANMEncoderChunkOpt",
        "encoder_conf": {**SANM, **chunks, "chunk_size": [20, 60], "stride": [10, 40]},
        "decoder": "FsmnDecoderSCAMAOpt",
        "decoder_conf": decoder,
        "predictor": "CifPredictorV2",
        "predictor_conf": predictor,
        "encoder2": "SANMEncoderChunkOpt",
        "encoder2_conf": {**SANM, **chunks, "kernel_size": 21, "chunk_size": [45, 70], "stride": [35, 50]},
        "decoder2": "FsmnDecoderSCAMAOpt",
        "decoder2_conf": decoder,
        "predictor2": "CifPredictorV2",
        "predictor2_conf": predictor,
        "stride_conv": "stride_conv1d",
        "stride_conv_conf": {"kernel_size": 2, "stride": 2, "pad": [0, 1]},
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "lfr_m": 7, "lfr_n": 6},
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }
    folder.mkdir(parents=True)
    (folder / "tokens.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    _write_statistics(folder / "am.mvn", FEATURES)
    return _finish(folder, settings)


def write_sense_voice(folder: Path) -> Path:
    """A network that hears several languages, with a word list made on the spot."""
    import sentencepiece

    folder.mkdir(parents=True)
    words = folder / "words.txt"
    words.write_text("\n".join(("hello world", "good day", "".join(CHARACTERS)) * 8), encoding="utf-8")
    with (folder / "chn_jpn_yue_eng_ko_spectok.bpe.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(words.read_text(encoding="utf-8").splitlines()),
            model_writer=file,
            vocab_size=48,
            model_type="bpe",
            user_defined_symbols=["<|zh|>", "<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>"],
            minloglevel=2,
        )
    words.unlink()
    settings = {
        "model": "SenseVoiceSmall",
        "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
        "encoder": "SenseVoiceEncoderSmall",
        "encoder_conf": {**SANM, "tp_blocks": 1},
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "lfr_m": 7, "lfr_n": 6},
        "tokenizer": "SentencepiecesTokenizer",
        "tokenizer_conf": {"bpemodel": None, "unk_symbol": "<unk>", "split_with_space": True},
    }
    _write_statistics(folder / "am.mvn", FEATURES)
    named = {
        "init_param": "model.pt",
        "config": "config.yaml",
        "tokenizer_conf": {"bpemodel": "chn_jpn_yue_eng_ko_spectok.bpe.model"},
        "frontend_conf": {"cmvn_file": "am.mvn"},
    }
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": named}), encoding="utf-8")
    return _finish(folder, settings)


def _write_statistics(path: Path, size: int) -> None:
    """Shift and scale of the features in Kaldi's text form."""
    shift, scale = " ".join(["-8.0"] * size), " ".join(["0.2"] * size)
    path.write_text(
        f"<Nnet>\n<Splice> {size} {size}\n[ 0 ]\n"
        f"<AddShift> {size} {size}\n<LearnRateCoef> 0 [ {shift} ]\n"
        f"<Rescale> {size} {size}\n<LearnRateCoef> 0 [ {scale} ]\n</Nnet>\n",
        encoding="utf-8",
    )


def _finish(
    folder: Path, settings: Mapping[str, Any], fixed: Mapping[str, torch.Tensor] | None = None
) -> Path:
    """Writes the settings and random weights that fit them."""
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(settings), allow_unicode=True), encoding="utf-8")
    (folder / "model.pt").write_bytes(b"")
    opened = open_folder(folder, folder.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(7)
        network, _ = auto_model([opened.network]).build_model(
            model=opened.network, **opened.settings, device="cpu", ncpu=torch.get_num_threads()
        )
    weights = dict(network.state_dict()) | dict(fixed or {})
    torch.save(weights, folder / "model.pt")
    return folder
