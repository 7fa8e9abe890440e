"""Handwritten digits, supervised: data sets, recipes, training."""

from drl.supervised.data import Dataset, load
from drl.supervised.presets import Recipe, recipe
from drl.supervised.training import Report, Training, probabilities

__all__ = ["Dataset", "Recipe", "Report", "Training", "load", "probabilities", "recipe"]
