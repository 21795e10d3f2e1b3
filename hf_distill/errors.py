"""The errors that the library raises on purpose."""


class DistillError(Exception):
    """Base of every error that hf_distill raises on purpose."""


class UserError(DistillError, ValueError):
    """The input is wrong and the user can mend it.

    The message is one line: it names the bad value, the allowed ones and what to do. The command line prints it
    without a traceback and exits with code 2.
    """


class ArtifactError(DistillError):
    """A distilled dataset on disk or on the Hub is incomplete, corrupt or of a newer format."""


class DivergenceError(DistillError):
    """The loss is not finite; the message names the step and the last good checkpoint."""


class Interrupted(DistillError):
    """The run was asked to stop and has saved its state."""
