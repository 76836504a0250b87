"""How good the learner says its models are: the last predictions of propensity, and the segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

#: Of fewer sessions a few dozen bought at most, and the figures are chance.
_TELLING: Final = 1_000


@dataclass(frozen=True)
class Models:
    """What `model:parameters` tells of the last examples; None where it cannot be told yet.

    Attributes
    ----------
    auc, log_loss, calibration_error
        Of propensity, each session predicted before it was learned.
    base_rate
        Share of the sessions that bought.
    examples
        How many sessions propensity has learned.
    inertia
        Mean squared distance of customers to the middle of their segment, in standard deviations.
    drifts
        How often one of the two got worse for good.
    """

    auc: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    base_rate: float | None = None
    examples: int = 0
    inertia: float | None = None
    drifts: int = 0

    @classmethod
    def of(cls, parameters: Any) -> Models:
        """From the parsed value, None where there is none yet."""
        if not parameters:
            return cls()
        propensity, segments = parameters["propensity"], parameters["segments"] or {}
        return cls(
            auc=propensity["auc"],
            log_loss=propensity["log_loss"],
            calibration_error=propensity["calibration_error"],
            base_rate=propensity["base_rate"],
            examples=propensity["examples"],
            inertia=segments.get("inertia"),
            drifts=propensity["drifts"] + segments.get("drifts", 0),
        )

    def __str__(self) -> str:
        """In words.

        >>> print(Models(auc=0.71, log_loss=0.2, calibration_error=0.01, base_rate=0.05, examples=7_000))
        propensity: AUC 0.710, log loss 0.200, calibration error 0.010, 5.0% buy · drifts: 0
        """
        parts = []
        if 0 < self.examples < _TELLING:
            parts.append(f"propensity: {self.examples} sessions, too few to tell")
        elif self.log_loss is not None and self.calibration_error is not None and self.base_rate is not None:
            auc = f"AUC {self.auc:.3f}, " if self.auc is not None else ""
            parts.append(
                f"propensity: {auc}log loss {self.log_loss:.3f}, calibration error {self.calibration_error:.3f}, "
                f"{self.base_rate:.1%} buy"
            )
        if self.inertia is not None:
            parts.append(f"segments: inertia {self.inertia:.1f}")
        return " · ".join([*parts, f"drifts: {self.drifts}"]) if parts else "-"
