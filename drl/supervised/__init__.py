"""Handwritten digits, supervised: data sets, presets, training."""

from drl.supervised.data import Dataset, load
from drl.supervised.presets import Preset, preset
from drl.supervised.training import Report, Training, probabilities

__all__ = ["Dataset", "Preset", "Report", "Training", "load", "probabilities", "preset"]
