"""Handwritten digits, supervised: data sets, recipes, training."""

from drl.digits.data import Dataset, load
from drl.digits.recipes import Recipe, recipe
from drl.digits.training import Report, Training, probabilities

__all__ = ["Dataset", "Recipe", "Report", "Training", "load", "probabilities", "recipe"]
