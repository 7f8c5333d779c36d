"""What can go wrong.

Vis3dError
 +-- UsageError             the call itself is wrong            (ValueError)
 |    +-- UnknownStructureError    a name that no structure has
 |    +-- SeveralSeriesError       several series and none was picked
 +-- NothingFoundError      nothing to read, or no such path    (FileNotFoundError)
 +-- InputError             the data are bad                    (ValueError)
 |    +-- NotDicomError            the file isn't DICOM
 |    +-- TruncatedError           bytes are missing
 |    +-- IrregularSeriesError     slices that make no regular grid
 |    +-- UnsupportedError         sound data that vis3d can't use
 |    +-- TooLargeError            more than the limits or the memory allow
 +-- OutputError            the result can't be written         (OSError)
 +-- RequirementError       a part of the system is missing     (ImportError)

Cancelled                   somebody asked the work to stop
"""


class Vis3dError(Exception):
    """Anything vis3d refuses to do, in one sentence a person can act on."""


class UsageError(Vis3dError, ValueError):
    """The call itself is wrong: an option, a name, a combination."""


class UnknownStructureError(UsageError):
    """No structure has that name; the message lists those that exist."""


class SeveralSeriesError(UsageError):
    """Several series could be meant; `choices` holds them."""

    def __init__(self, message: str, choices: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.choices = choices


class NothingFoundError(Vis3dError, FileNotFoundError):
    """There is no such path, or nothing in it that vis3d can read."""


class InputError(Vis3dError, ValueError):
    """The data are bad: the message says what, where and what to do next."""


class NotDicomError(InputError):
    """The file is not DICOM."""


class TruncatedError(InputError):
    """The file ends before its content does."""


class IrregularSeriesError(InputError):
    """The slices don't make a regular grid."""


class UnsupportedError(InputError):
    """Sound data of a kind that vis3d can't use here."""


class TooLargeError(InputError):
    """More than the limits or the free memory allow."""


class OutputError(Vis3dError, OSError):
    """The result can't be written there."""


class RequirementError(Vis3dError, ImportError):
    """A library, program or display is missing; the message says how to get it."""


class Cancelled(BaseException):
    """Somebody asked the work to stop.

    Not an `Exception`: code that survives one bad file by catching those must not
    survive the wish to stop (as with `asyncio.CancelledError`).
    """
