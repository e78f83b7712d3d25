"""Every error the project raises on purpose.

    SaccadeError                    the root: one clear sentence with the value and the mend
    |- GeometryError (ValueError)   a size, point or box that cannot exist
    |- FrameError (ValueError)      a coordinate frame that cannot be built or read
    |- TraceError (ValueError)      a trace document that cannot be read
    |- FormatError (ValueError)     a turn that the grammar cannot write
    |- RecordError (ValueError)     a curated record or manifest that cannot be read
    |- TruthError (ValueError)      a truth that its domain's judge cannot read
    |- TaskError (ValueError)       a task that cannot be made as it is asked for
    |- PictureError (ValueError)    a picture that is refused, before it is decoded
    |- ImportRefused (ValueError)   an import that cannot begin, or a strict one that was taken back
    |- StudyError (ValueError)      settings by which nobody could rate
    |  `- NameTaken                 there is a study of that name already
    |- RatingRefused (ValueError)   a rating that nobody could have meant
    |- RuleError (ValueError)       a rule over ratings that cannot be read
    |- AccountError (ValueError)    a name, a password or a file of accounts that cannot be taken
    |- NotAllowed (PermissionError) somebody asked for what their role, or nobody but its owner, may do
    |  |- NotSignedIn               nobody has said who they are
    |  |- SignInRefused             a name and a password that do not belong together
    |  `- TooManyAttempts           too many failures to sign in: wait
    |- PolicyError (RuntimeError)   a policy that cannot be loaded, or that cannot answer
    |  |- PolicyNotFound            there is no such checkpoint, server or recording
    |  `- OutOfMemory               the model, or what is asked of it, does not fit into the memory there is
    |- TrainingError (RuntimeError) a record that no model can be shown, or a training that cannot begin or go on
    |- NotFound (LookupError)       a trace, picture, data set, study or item that the store does not hold
    |- StoreError (RuntimeError)    the database cannot do what was asked
    |  |- DatabaseTooNew            written by a later version of the program
    |  `- ReadOnly                  a write was asked of a store opened for reading
    `- StartError (RuntimeError)    the program cannot start

A wrong *output of a model* is never an error: it is a `Fault` on the trace. These are for wrong calls and for a
machine that does not play along. To add one: give it the standard-library parent a caller would expect, and a place in the
tree above.
"""

from __future__ import annotations


class SaccadeError(Exception):
    """The root of all errors raised on purpose; `str(error)` is a sentence fit to be shown to a person."""


class GeometryError(SaccadeError, ValueError):
    """A size, point or box that cannot exist."""


class FrameError(SaccadeError, ValueError):
    """A coordinate frame that cannot be built or read."""


class TraceError(SaccadeError, ValueError):
    """A trace document that cannot be read."""


class FormatError(SaccadeError, ValueError):
    """A turn that the grammar cannot write so that it would be read back as it was."""


class RecordError(SaccadeError, ValueError):
    """A curated record or manifest that cannot be read."""


class TruthError(SaccadeError, ValueError):
    """A truth that its domain's judge cannot read."""


class TaskError(SaccadeError, ValueError):
    """A task that cannot be made as it is asked for."""


class PictureError(SaccadeError, ValueError):
    """A picture that is refused before it is decoded, or that cannot be decoded."""


class ImportRefused(SaccadeError, ValueError):
    """An import that cannot begin, or a strict import that was taken back as a whole."""


class StudyError(SaccadeError, ValueError):
    """Settings of a study by which nobody could rate."""


class NameTaken(StudyError):
    """There is a study of that name already."""


class RatingRefused(SaccadeError, ValueError):
    """A rating that nobody could have meant: nothing of it was kept."""


class RuleError(SaccadeError, ValueError):
    """A rule over ratings that cannot be read."""


class AccountError(SaccadeError, ValueError):
    """A name, a password or a file of accounts that cannot be taken."""


class NotAllowed(SaccadeError, PermissionError):
    """Somebody asked for what their role, or nobody but its owner, may do."""


class NotSignedIn(NotAllowed):
    """Nobody has said who they are, and this is for people that are known."""


class SignInRefused(NotAllowed):
    """A name and a password that do not belong together."""


class TooManyAttempts(NotAllowed):
    """Too many failures to sign in under this name from this address. `seconds` is how long to wait."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class PolicyError(SaccadeError, RuntimeError):
    """A policy that cannot be loaded, or that cannot answer."""


class PolicyNotFound(PolicyError):
    """There is no such checkpoint, server or recording."""


class OutOfMemory(PolicyError):
    """The model, or what is asked of it, does not fit into the memory there is."""


class TrainingError(SaccadeError, RuntimeError):
    """A record that no model can be shown as a rollout would, or a training that cannot begin or go on."""


class NotFound(SaccadeError, LookupError):
    """A trace, picture, data set, study or item that the store does not hold."""


class StoreError(SaccadeError, RuntimeError):
    """The database cannot do what was asked."""


class DatabaseTooNew(StoreError):
    """The database was written by a later version of the program."""


class ReadOnly(StoreError):
    """A write was asked of a store that was opened for reading only."""


class StartError(SaccadeError, RuntimeError):
    """The program cannot start: a port, a folder or a database is not as it should be."""
