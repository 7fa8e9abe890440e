"""What Python users import (from drl), and what the command line calls."""

from drl.api.console import TrainingWarning
from drl.api.diagnosis import doctor
from drl.api.findings import Report
from drl.api.plan import Result
from drl.api.policies import load_policy
from drl.api.runs import LoadedRun, load_run
from drl.api.sweeping import Sweep, compare, sweep
from drl.api.training import train

__all__ = [
    "LoadedRun", "Report", "Result", "Sweep", "TrainingWarning", "compare", "doctor",
    "load_policy", "load_run", "sweep", "train",
]  # fmt: skip
