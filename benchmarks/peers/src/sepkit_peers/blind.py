"""Blind factorisation by other packages, between the spectrogram, grouping and masks that the method `nmf` has."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit import Audio, Problem, Run, Separator
from sepkit.errors import PluginError
from sepkit.spectral import STFT, WINDOW_S, soft_masks
from sepkit_nmf import group_atoms, normalized, random_init
from sepkit_peers.config import BlindConfig

Array = NDArray[np.floating]

LIBNMFD_PYTHON = "SEPKIT_PEERS_LIBNMFD_PYTHON"
"""Environment variable with the interpreter that has libnmfd, which needs NumPy 1."""

_LIBNMFD = """
import json, sys
import numpy as np
from libnmfd.core import nmfconv

# Its progress bar wants a notebook.
nmfconv.tnrange = lambda total, desc: range(total)
folder, iterations = json.loads(sys.stdin.read())
given = np.load(folder + "/given.npz")
W, H, *_ = nmfconv.nmfd(
    given["V"], num_comp=len(given["H"]), num_iter=iterations, num_template_frames=1,
    init_W=[column[:, None] for column in given["W"].T], init_H=given["H"],
)
np.savez(folder + "/factors.npz", W=np.hstack(W), H=H)
"""


class Blind(Separator[BlindConfig]):
    """The frame around a factorisation: everything but `factorize` is as in the method `nmf`."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        rate, samples = problem.mixture.sample_rate, problem.mixture.samples[0]
        stft = STFT.of_duration(WINDOW_S, 4, rate)
        V = normalized(stft.magnitude(samples))
        rank = self.config.rank * len(problem.sources)
        for _ in run.steps(1, "factorise"):
            W, H = self.factorize(V, *random_init(V, rank, run.rng))
        axes = {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(len(samples), rate)}
        members = group_atoms(W, H, len(problem.sources), bins_hz=axes["bins_hz"])

        def masks(block: slice) -> Array:
            return soft_masks(np.stack([W[:, atoms] @ H[atoms, block] for atoms in members]))

        stems = stft.filter(samples, masks, len(members))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(problem.sources, stems, strict=True)}

    @abstractmethod
    def factorize(self, V: Array, W: Array, H: Array) -> tuple[Array, Array]:
        """Factors of `V` from the given start."""


class ScikitLearn(Blind):
    """scikit-learn."""

    def factorize(self, V: Array, W: Array, H: Array) -> tuple[Array, Array]:
        from sklearn.decomposition import non_negative_factorization

        activations, templates, _ = non_negative_factorization(
            np.ascontiguousarray(V.T),
            W=np.ascontiguousarray(H.T),
            H=np.ascontiguousarray(W.T),
            n_components=W.shape[1],
            init="custom",
            solver="mu",
            beta_loss="kullback-leibler",
            tol=0,
            max_iter=self.config.iterations,
        )
        return templates.T, activations.T


class TorchNMF(Blind):
    """torchnmf."""

    def factorize(self, V: Array, W: Array, H: Array) -> tuple[Array, Array]:
        import torch
        from torchnmf.nmf import NMF

        # Its W is our H transposed and its H our W: it factorises the transpose.
        model = NMF(W=torch.from_numpy(W.copy()), H=torch.from_numpy(np.ascontiguousarray(H.T)))
        model.fit(torch.from_numpy(np.ascontiguousarray(V.T)), beta=1, tol=0, max_iter=self.config.iterations)
        return model.W.detach().numpy(), model.H.detach().numpy().T


class Libfmp(Blind):
    """libfmp."""

    def factorize(self, V: Array, W: Array, H: Array) -> tuple[Array, Array]:
        import libfmp.c8

        wide = {"W": W.astype(np.float64), "H": H.astype(np.float64)}
        factors = libfmp.c8.nmf(V, R=W.shape[1], thresh=0, L=self.config.iterations, norm=False, **wide)
        return factors[0], factors[1]


class Libnmfd(Blind):
    """libnmfd with templates of one frame, in a process of its own."""

    def factorize(self, V: Array, W: Array, H: Array) -> tuple[Array, Array]:
        python = os.environ.get(LIBNMFD_PYTHON)
        if not python:
            raise PluginError(f"libnmfd needs an environment of its own: set {LIBNMFD_PYTHON} to its interpreter")
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder) / "given.npz", V=V.astype(np.float64), W=W, H=H)
            request = json.dumps([folder, self.config.iterations])
            subprocess.run([python, "-c", _LIBNMFD], input=request, text=True, check=True, stdout=subprocess.DEVNULL)
            factors = np.load(Path(folder) / "factors.npz")
            return factors["W"], factors["H"]
