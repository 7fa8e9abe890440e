"""Where curves go: TensorBoard, tables, lines of JSON, somebody else's dashboard."""

from drl.log.logger import Logger, Loggers

__all__ = ["Logger", "Loggers"]
