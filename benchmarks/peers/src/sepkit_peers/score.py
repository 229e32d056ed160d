"""libfmp's score-informed decomposition, step by step as its notebooks put its functions together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sepkit import Audio, Problem, Run, Score, Separator
from sepkit.spectral import STFT, WINDOW_S
from sepkit_peers.config import ScoreConfig


class LibfmpScore(Separator[ScoreConfig]):
    """Templates and activations with onsets from libfmp, its factorisation of log(1+|X|), masks for every part."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        import libfmp.c8

        rate, samples = problem.mixture.sample_rate, problem.mixture.samples[0]
        stft = STFT.of_duration(WINDOW_S, 4, rate)
        frames_s = stft.frames_s(len(samples), rate)
        V = np.log1p(stft.magnitude(samples).astype(np.float64))
        score = problem.side_information.score
        assert score is not None
        tolerance = [self.config.before_s, self.config.after_s]

        def activations(part: Score, pitches: object = None) -> tuple[np.ndarray, ...]:
            notes = [
                [n.onset_s - frames_s[0], n.offset_s - n.onset_s, int(n.pitch), n.velocity, n.part] for n in part.notes
            ]
            return libfmp.c8.init_nmf_activation_score_onset(
                V.shape[1], notes, stft.hop / rate, tol_note=tolerance, pitch_set=pitches
            )

        H, pitches, *_ = activations(score)
        W = libfmp.c8.init_nmf_template_pitch_onset(V.shape[0], pitches, rate / stft.window_length)
        for _ in run.steps(1, "factorise"):
            W, H, *_ = libfmp.c8.nmf(V, R=W.shape[1], thresh=0, L=self.config.iterations, W=W, H=H, norm=False)
        sources = problem.sources or score.parts
        model = W @ H + np.finfo(np.float32).eps
        shares = [(W @ (H * activations(score.part(source), pitches)[0])) / model for source in sources]
        stems = stft.filter(samples, lambda block: np.stack([share[:, block] for share in shares]), len(sources))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(sources, stems, strict=True)}
