"""Silence and battery: who has not been heard of for longer than is usual for them, and why that may be."""
