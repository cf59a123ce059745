"""Clara's ``dlmed.hci.reg``: commands that user code adds to the console."""

from medl.automl.console.modules import CommandModule, CommandModuleSpec, CommandSpec

__all__ = ["CommandModule", "CommandModuleSpec", "CommandSpec"]
