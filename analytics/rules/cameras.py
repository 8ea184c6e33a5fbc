"""The rules over the zones of cameras. To add one: its file here, which makes a `CameraRule`, and its row below."""

from analytics.rules import trespass
from analytics.rules.contract import AnyCameraRule
from haechi.config import AnalyticsSettings


def camera_rules(settings: AnalyticsSettings) -> tuple[AnyCameraRule, ...]:
    """All of them, as the settings have them."""
    return (trespass.camera_rule(trespass.Rule(frames=settings.trespass_frames)),)
