"""The settings of the models, from the settings of an operator: for workers, and for whoever tries them on a file."""

from __future__ import annotations

from online_models.engine import EngineSettings
from online_models.recommendation import RecommendationSettings
from online_models.shoppers import ShopperSettings
from online_models.similarity import SimilaritySettings
from streams.settings import Settings


def model_settings(settings: Settings) -> EngineSettings:
    """What the models are told.

    >>> model_settings(Settings()) == EngineSettings()
    True
    """
    return EngineSettings(
        shoppers=ShopperSettings(session_gap_minutes=settings.session_gap_minutes),
        similarity=SimilaritySettings(half_life_days=settings.half_life_days, damping=settings.damping),
        recommendations=RecommendationSettings(
            length=settings.list_length,
            recent_items=settings.recent_items,
            step_weight=settings.step_weight,
            skip_owned=settings.skip_owned,
        ),
        item_partitions=settings.item_partitions,
    )
