"""What can go wrong while a model is made, in the user's words."""

from __future__ import annotations

from haechi.errors import HaechiError


class TrainingError(HaechiError):
    """A model could not be made: what is wrong, where, and what to do."""
