"""Cameras in: a source is read in a thread of its own, and what moves in it goes to `frames`, masks already in it."""
