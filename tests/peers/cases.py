"""Named cases: each prints `ok NAME` or `FAILED NAME: why`, which `cargo xtask peers` counts."""

import sys
import traceback
from contextlib import contextmanager


class Cases:
    """Cases of one run; those of a group have its name before theirs."""

    def __init__(self):
        self.failed = 0
        self._group = ""

    @contextmanager
    def group(self, name):
        """What breaks a group off outside of its cases counts as a failed case."""
        before, self._group = self._group, f"{self._group}{name}: "
        try:
            with self.case("runs to its end", quiet=True):
                yield
        finally:
            self._group = before

    @contextmanager
    def case(self, name, quiet=False):
        name = self._group + name
        try:
            yield
        except Exception as error:
            self.failed += 1
            traceback.print_exc()
            why = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAILED {name}: {why}")
        else:
            if not quiet:
                print(f"ok {name}")

    def exit(self):
        sys.exit(1 if self.failed else 0)


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} where {expected!r} was expected")


def ensure(condition, why):
    if not condition:
        raise AssertionError(why)


def raises(kind, function, *args, **kwargs):
    """The error of that kind that the call must end in."""
    try:
        result = function(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"it was to be refused, and gave {result!r}")
