"""The noise table: what the fixes of a phone are wrong by. Every number carries where it comes from."""

from pathlib import Path

import msgspec

from haechi.errors import ConfigError

FROZEN = Path(__file__).with_name("noise.yaml")


class Cited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number and its source; "assumed" begins the source of one that nobody has measured."""

    value: float
    source: str


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sigmas are metres per axis, shares 0-1 of the time or of the fixes, means of exponential or geometric lengths."""

    fast_tau_s: Cited
    slow_tau_s: Cited
    open_sigma_m: Cited
    street_sigma_m: Cited
    indoor_sigma_m: Cited
    canyon_share: Cited
    canyon_mean_s: Cited
    canyon_sigma_m: Cited
    burst_per_day: Cited
    burst_mean_s: Cited
    burst_out_share: Cited
    burst_min_m: Cited
    burst_max_m: Cited
    burst_claim_m: Cited
    wifi_share: Cited
    wifi_mean_s: Cited
    wifi_sigma_m: Cited
    cell_per_day: Cited
    cell_mean_s: Cited
    cell_sigma_m: Cited
    claim_factor: Cited
    claim_scatter: Cited
    unknown_share: Cited
    speed_sigma: Cited
    still_zero_share: Cited
    lost_share: Cited
    gap_per_day: Cited
    gap_mean_s: Cited

    def __getitem__(self, name: str) -> float:
        """The number of that name."""
        cited = getattr(self, name)
        assert isinstance(cited, Cited)
        return cited.value


def read(path: Path) -> Noise:
    """The table of a file; ConfigError says which number is missing, unknown, out of range or without a source."""
    try:
        noise = msgspec.yaml.decode(path.read_bytes(), type=Noise)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is no noise table: {error}. Copy {FROZEN.name} and change its numbers.") from error
    for name in Noise.__struct_fields__:
        cited = getattr(noise, name)
        top = 1.0 if name.endswith("_share") else float("inf")
        least = 1e-9 if name.endswith(("tau_s", "mean_s")) else 0.0
        if not least <= cited.value <= top:
            raise ConfigError(f"{path}: {name} is {cited.value}; it must be within {least:g} and {top:g}.")
        if not cited.source.strip():
            raise ConfigError(f"{path}: {name} has no source; say where {cited.value} comes from.")
    return noise
