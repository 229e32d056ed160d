"""Recordings in containers as encoders, recorders that lost power, and pipes leave them."""

from __future__ import annotations

import io
import struct

import numpy as np

RATE = 22050


def tone(seconds: float = 1.0, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """440 Hz, each further channel half as loud and inverted [shape=(samples, channels)]."""
    time_s = np.arange(round(seconds * rate)) / rate
    gains = (-0.5) ** np.arange(channels)
    return (0.5 * np.sin(2 * np.pi * 440 * time_s)[:, np.newaxis] * gains).astype(np.float32)


def encoded(samples: np.ndarray, container: str, subtype: str, rate: int = RATE) -> bytes:
    """The bytes of a file that libsndfile writes."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=container)
    return file.getvalue()


def pcm(samples: np.ndarray, order: str = "<") -> bytes:
    """16-bit integers."""
    return np.round(samples * 32767).astype(f"{order}i2").tobytes()


def chunk(name: bytes, content: bytes, size: int | None = None, order: str = "<") -> bytes:
    """One chunk of a WAV file, which may lie about its size."""
    return (
        name + struct.pack(f"{order}I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)
    )


def form(rate: int = RATE, channels: int = 1, order: str = "<") -> bytes:
    """The chunk that tells the format: 16-bit PCM."""
    return chunk(b"fmt ", struct.pack(f"{order}HHIIHH", 1, channels, rate, 2 * rate, 2 * channels, 16), order=order)


def wav(*chunks: bytes, size: int | None = None, order: str = "<") -> bytes:
    """A WAV file of chunks."""
    body = b"WAVE" + b"".join(chunks)
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(f"{order}I", len(body) if size is None else size) + body


def flac_announcing(samples: int, flac: bytes) -> bytes:
    """FLAC whose header says that there are so many samples; 0 stands for unknown."""
    data = bytearray(flac)
    data[21] = (data[21] & 0xF0) | (samples >> 32)
    data[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    return bytes(data)
