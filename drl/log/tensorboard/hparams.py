"""What the HParams tab reads: a run's settings, and the scalars that runs are compared by.

It takes three messages in the run's own event file; a second run directory, as other writers make,
is what its blank rows come from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# tensorboard.plugins.hparams.metadata's; importing that takes 80 ms
EXPERIMENT = "_hparams_/experiment"
START, END = "_hparams_/session_start_info", "_hparams_/session_end_info"
VERSION = 0


def session(
    settings: Mapping[str, Any], metrics: Sequence[str], first: Sequence[str] = ()
) -> Iterator[tuple[str, bytes]]:
    """Tag and content of each message.

    metrics   tags of scalars
    first     settings that are shown before the others, whether this run has them or not

    TensorBoard 2.21 shows five settings until more are ticked: of those said to differ from run to
    run, then of the others, both by name.
    """
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

    now = time.time()
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=now)
    experiment = api_pb2.Experiment(time_created_secs=now)
    for name, setting in (dict.fromkeys(first, "") | dict(settings)).items():
        info = experiment.hparam_infos.add(name=name, differs=name in first)
        if isinstance(setting, bool):
            info.type = api_pb2.DATA_TYPE_BOOL
            start.hparams[name].bool_value = setting
        elif isinstance(setting, int | float):
            info.type = api_pb2.DATA_TYPE_FLOAT64
            start.hparams[name].number_value = setting
        else:
            info.type = api_pb2.DATA_TYPE_STRING
            text = str(setting).encode(errors="replace").decode()  # a path may hold any bytes
            start.hparams[name].string_value = text
    for tag in metrics:
        experiment.metric_infos.add(name=api_pb2.MetricName(tag=tag))
    # at the start already: a run that is killed is shown too
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=now)
    data = plugin_data_pb2.HParamsPluginData
    for tag, message in (
        (EXPERIMENT, data(version=VERSION, experiment=experiment)),
        (START, data(version=VERSION, session_start_info=start)),
        (END, data(version=VERSION, session_end_info=end)),
    ):
        yield tag, message.SerializeToString()
