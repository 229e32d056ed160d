"""Multiplicative updates of both weights.

The output ``W_D ((W_E X) ⊙ M)`` is linear in either weight, with nonnegative coefficients. So the majorisation that
proves the updates of nonnegative matrix factorisation holds for the encoder as well as for the decoder: no update
raises the divergence, and zeros stay zero.

References
----------
Özer, Hansen, Zunner and Müller, "Investigating nonnegative autoencoders for efficient audio decomposition", EUSIPCO
2022 (the rules for beta 2).
Févotte and Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", Neural Computation 23(9),
2011 (the exponent for other divergences).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sepkit_nae.objective import Objective

# Steps that priors made too long are shortened down to this power of their ratio, then given up.
LEAST_POWER = 2.0**-12
RELATIVE_EPSILON = 1e-12


class MultiplicativeUpdates:
    """One update of the encoder, then one of the decoder, an iteration.

    Parameters
    ----------
    objective : Objective
        With nonnegative weights and no hidden layers. Weights of the decoder that are to be removed are zero.

    Attributes
    ----------
    H : Tensor [shape=(atoms, frames)]
        The current activations.
    """

    noise = 0.0

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.H = objective.activations()
        self._powers: dict[Tensor, float] = {}

    def iterate(self) -> None:
        """Lower the cost in the encoder, then in the decoder."""
        self.update_encoder()
        self.update_decoder()

    @torch.no_grad()
    def update_encoder(self) -> None:
        """``W_E ⊙ [(W_D^T(V ⊙ V̂^(β-2)) ⊙ M) X^T] ⊘ [(W_D^T V̂^(β-1) ⊙ M) X^T]``, to the power of `exponent`.

        A constraint on activations that is more than a support is passed over by the gradient.
        """
        objective, statements = self.objective, self.objective.statements.activations
        weights = objective.model.encoder
        plus, minus = statements.penalty_parts(self.H)
        numerator, denominator = torch.zeros_like(weights), torch.zeros_like(weights)
        for frames in objective.frame_blocks():
            down, up = self._activation_gradient(frames)
            X = objective.inputs(frames).T
            # (W_Dᵀ(V ⊙ V̂^(β-2)) ⊙ M) Xᵀ and (W_Dᵀ V̂^(β-1) ⊙ M) Xᵀ
            numerator += statements.within_support(down + minus[:, frames], frames) @ X
            denominator += statements.within_support(up + plus[:, frames], frames) @ X
        self._multiply(weights, numerator, denominator, objective.activations, is_sure=not statements.densities)

    @torch.no_grad()
    def update_decoder(self) -> None:
        """``W_D ⊙ [(V ⊙ V̂^(β-2)) H^T] ⊘ [V̂^(β-1) H^T]``, to the power of `exponent`."""
        objective, statements = self.objective, self.objective.statements.templates
        weights = objective.model.decoder
        denominator, numerator = (part.clone() for part in statements.penalty_parts(weights))
        for frames in objective.frame_blocks():
            down, up = self._template_gradient(frames)
            # (V ⊙ V̂^(β-2)) Hᵀ and V̂^(β-1) Hᵀ
            numerator += down
            denominator += up
        self._multiply(weights, numerator, denominator, lambda: self.H, is_sure=not statements.densities)
        objective.restrict_templates()

    def _multiply(
        self,
        weights: Tensor,
        numerator: Tensor,
        denominator: Tensor,
        activations: Callable[[], Tensor],
        *,
        is_sure: bool,
    ) -> None:
        """Multiply `weights` by the ratio; where nothing proves a descent, by a power of it that is one."""
        ratio = update_ratio(numerator, denominator, self.objective.beta)
        if is_sure:
            # W ← W ⊙ (numerator ⊘ denominator)^γ
            weights.mul_(ratio)
            self.H = activations()
            return
        before, current = self.objective.cost(self.H), weights.clone()
        # Priors change slowly: what was too long last time hardly fits now.
        power = min(1.0, 2 * self._powers.get(weights, 1.0))
        while power >= LEAST_POWER:
            weights.copy_(current * ratio**power)
            H = activations()
            if self.objective.cost(H) <= before:
                self.H, self._powers[weights] = H, power
                return
            power /= 2
        weights.copy_(current)

    def _activation_gradient(self, frames: slice) -> tuple[Tensor, Tensor]:
        """Negative and positive part of the divergence's gradient in some activations [shape=(atoms, frames)]."""
        W, H = self.objective.model.decoder, self.H[:, frames]
        if self.objective.beta == 2:
            # W_Dᵀ V and W_Dᵀ W_D H
            return W.T @ self.objective.V[:, frames], (W.T @ W) @ H
        down, up = self._output_gradient(frames)
        return W.T @ down, W.sum(0)[:, None] if up is None else W.T @ up

    def _template_gradient(self, frames: slice) -> tuple[Tensor, Tensor]:
        """Negative and positive part of the divergence's gradient in the templates, from some frames."""
        W, H = self.objective.model.decoder, self.H[:, frames]
        if self.objective.beta == 2:
            # V Hᵀ and W_D H Hᵀ
            return self.objective.V[:, frames] @ H.T, W @ (H @ H.T)
        down, up = self._output_gradient(frames)
        return down @ H.T, H.sum(1) if up is None else up @ H.T

    def _output_gradient(self, frames: slice) -> tuple[Tensor, Tensor | None]:
        """``V ⊙ V̂^(β-2)`` and ``V̂^(β-1)``, None where that is all ones."""
        beta, floor = self.objective.beta, self.objective.floor
        V = self.objective.V[:, frames]
        Y = self.objective.model.decode(self.H[:, frames]).clamp_min(floor)
        if beta == 1:
            return V / Y, None
        return (V if beta > 0 else V.clamp_min(floor)) * Y ** (beta - 2), Y ** (beta - 1)


def update_ratio(numerator: Tensor, denominator: Tensor, beta: float) -> Tensor:
    """The factor of a multiplicative update; 0 where both parts of the gradient vanish."""
    least = max(RELATIVE_EPSILON * float(denominator.mean()), torch.finfo(denominator.dtype).tiny)
    return (numerator / denominator.clamp_min(least)) ** exponent(beta)


def exponent(beta: float) -> float:
    """The power to which the ratio provably lowers the beta-divergence (Févotte and Idier 2011)."""
    if beta < 1:
        return 1 / (2 - beta)
    return 1 / (beta - 1) if beta > 2 else 1.0
