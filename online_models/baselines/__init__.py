"""What the engine is compared with: well-known recommenders, each written plainly, one event at a time."""

from online_models.baselines.association_rules import AssociationRules
from online_models.baselines.baseline import Baseline
from online_models.baselines.engine import BaselineEngine
from online_models.baselines.item_cosine import ItemCosine
from online_models.baselines.partitioned import Partitioned
from online_models.baselines.popularity import Popularity
from online_models.baselines.sequential_rules import SequentialRules
from online_models.baselines.session_knn import SessionKNN
from online_models.visits import Visit, Visits

__all__ = [
    "AssociationRules",
    "Baseline",
    "BaselineEngine",
    "ItemCosine",
    "Partitioned",
    "Popularity",
    "SequentialRules",
    "SessionKNN",
    "Visit",
    "Visits",
]
