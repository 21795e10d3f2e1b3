"""The errors that the library raises on purpose, and a warning."""


class DistillError(Exception):
    """Base of every error that hf_distill raises on purpose."""


class UserError(DistillError, ValueError):
    """The input is wrong and the user can mend it.

    The message is one line: it names the bad value, the allowed ones and what to do. The command line prints it
    without a traceback and exits with code 2.
    """


class ArtifactError(DistillError):
    """A distilled dataset on disk or on the Hub is incomplete, corrupt or of a newer format."""


class HubError(DistillError):
    """The Hub refused, cannot be reached or gave an answer that is none; the command line exits with code 1."""


class DivergenceError(DistillError):
    """A loss or a result is not finite, or destroyed; the message names the step and the last good checkpoint."""


class Interrupted(DistillError):
    """The run was asked to stop and has saved its state."""


class PointlessSize(UserWarning):
    """A set is so large a part of its data that it saves next to nothing over a piece of them."""
