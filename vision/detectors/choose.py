"""Which model looks: the one that the settings name, the one that was fetched, or the one that ships."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec

from haechi.errors import ConfigError
from vision.detectors.detector import Detector

SHIPPED = Path(__file__).parents[1] / "models"
SHIPPED_NOTICE = "the shipped model: for the demo, not for a street"


class Choice(msgspec.Struct, frozen=True):
    """Where the model is, None for none, and what people should know about that."""

    path: Path | None
    notice: str


def choose(setting: str, data: Path, shipped: Path = SHIPPED) -> Choice:
    """What `vision.model` means here; raises ConfigError for a path that is not there."""
    if setting == "none":
        return Choice(None, "no model: vision.model is 'none'")
    if find_spec("ultralytics") is None:
        return Choice(None, "no model: the extra 'vision' is not installed")
    if setting != "auto":
        path = Path(setting)
        if not path.exists():
            raise ConfigError(f"vision.model: there is nothing at {path}. Name a model, or 'auto', or 'none'.")
        return Choice(path, path.name)
    fetched = sorted((data / "models").glob("*.pt")) + sorted((data / "models").glob("*_openvino_model"))
    if fetched:
        return Choice(fetched[0], fetched[0].name)
    ours = [*sorted(shipped.glob("*_openvino_model")), *sorted(shipped.glob("*.onnx")), *sorted(shipped.glob("*.pt"))]
    return Choice(ours[0], SHIPPED_NOTICE) if ours else Choice(None, "no model: none is shipped with this version")


def _yolo(path: Path, data: Path) -> Detector:
    from vision.detectors.ultralytics_yolo import UltralyticsYolo  # torch takes seconds to import

    return UltralyticsYolo(path, data / "ultralytics")


# What a model file's ending means; to add a kind, write its file and a line here.
LOADERS: dict[str, Callable[[Path, Path], Detector]] = {"": _yolo, ".onnx": _yolo, ".pt": _yolo}


def load(path: Path, data: Path) -> Detector:
    """The detector of a model's path."""
    ending = "" if path.is_dir() else path.suffix
    if ending not in LOADERS:
        raise ConfigError(f"vision.model: {path} ends with '{ending}'; an OpenVINO folder, .onnx or .pt is needed.")
    return LOADERS[ending](path, data)
