"""How much a command prints: one setting for the process, as a log level is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Verbosity:
    """How much goes to standard error.

    Attributes
    ----------
    quiet : bool
        Only warnings and errors.
    verbose : bool
        Details too.
    debug : bool
        A traceback with each error.
    """

    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def reset(self) -> None:
        """Go back to the defaults, before a command line is parsed."""
        self.quiet = self.verbose = self.debug = False


verbosity = Verbosity()
