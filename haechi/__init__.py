"""Haechi: the open-source safety operations centre of a city. This folder is the kernel that every room shares."""

__version__ = "0.1.0"
