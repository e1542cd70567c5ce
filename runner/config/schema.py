"""The types of the run's own keys. The parts are typed by the classes that they name."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

# Keys that take one of a few words.
CHOICES = {
    "tracking.kind": ("mlflow", "none"),
    "engine.backend": ("torch", "onnx", "openvino", "auto"),
    "engine.cluster": ("none", "ray"),
    "preflight.memory": ("warn", "refuse", "off"),
}
ROLES = ("dataset", "embedder", "reducer", "clusterer", "outliers", "representation", "labels")
PLURAL_ROLES = ("metrics", "reports")  # any number of parts, each under a name of its own


@dataclass
class CacheConfig:
    dir: str | None = MISSING


@dataclass
class TrackingConfig:
    kind: str = MISSING
    uri: str | None = None
    experiment: str = MISSING


@dataclass
class EngineConfig:
    backend: str = "torch"
    cluster: str = "none"
    address: str | None = None
    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass
class ModelConfig:
    """What `model` holds where it is not false; see `components.model.fit.fit`."""

    neighbours: Literal["all"] | int = 20_000
    outliers: float = 0.01
    register_as: str | None = None
    alias: str | None = None


@dataclass
class PreflightConfig:
    memory: str = "warn"


@dataclass
class GuidedConfig:
    topics: Any = None  # a dict: another type would refuse new keys on the command line
    weight: float = 6.0


@dataclass
class ZeroShotConfig:
    topics: list[str] = field(default_factory=list)
    threshold: Any = "auto"


@dataclass
class LeaderboardConfig:
    sort: str | None = None


@dataclass
class ChooseConfig:
    minutes: float | None = None
    embedders: list[str] | None = None
    grows: bool = False


@dataclass
class RunConfig:
    """The keys of conf/config.yaml. `Any` is a part, typed by the class that its YAML names."""

    dataset: Any = MISSING
    embedder: Any = MISSING
    engine: EngineConfig = field(default_factory=EngineConfig)
    reducer: Any = MISSING
    clusterer: Any = MISSING
    representation: Any = MISSING
    metrics: Any = MISSING
    reports: Any = field(default_factory=dict)
    outliers: Any = MISSING
    # Configs that were recorded without it are still built.
    labels: Any = field(
        default_factory=lambda: {"_target_": "components.labelers.words.WordLabels"}
    )
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    seed: int | None = MISSING
    map: bool | None = MISSING
    cache: CacheConfig = field(default_factory=CacheConfig)
    preflight: PreflightConfig = field(default_factory=PreflightConfig)
    model: Any = False  # or a `ModelConfig`
    guided: GuidedConfig = field(default_factory=GuidedConfig)
    zeroshot: ZeroShotConfig = field(default_factory=ZeroShotConfig)
    leaderboard: LeaderboardConfig = field(default_factory=LeaderboardConfig)
    choose: ChooseConfig = field(default_factory=ChooseConfig)
    quick: bool = False
    trusted_targets: list[str] = MISSING


# The keys of a run that hold others, whose types are above.
SECTIONS = tuple(f.name for f in fields(RunConfig) if str(f.type).endswith("Config"))


def run_keys() -> list[str]:
    """The top-level keys of a run's config."""
    return [field.name for field in fields(RunConfig)]


def run_groups() -> list[str]:
    """The groups of conf/config.yaml, each of which has an option already."""
    typed = [
        f.name for f in fields(RunConfig) if f.type in ("Any", "EngineConfig", "TrackingConfig")
    ]
    return [*typed, "experiment"]


def register() -> None:
    """Make `run_schema` known to Hydra."""
    ConfigStore.instance().store(name="run_schema", node=RunConfig)
