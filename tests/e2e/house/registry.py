"""Which tests there are, and how one is told that it failed."""
import re


class Failure(Exception):
    """A test's verdict; its text is the reason."""


class Skip(Exception):
    """The test cannot run here; its text says why."""


TESTS = {}  # "scenario.name" -> Test


class Test:
    def __init__(self, function, seconds, servers, debug, alone):
        self.scenario = function.__module__.split('.')[-1]
        self.name = '%s.%s' % (self.scenario, function.__name__)
        self.function = function
        self.seconds = seconds  # it is ended after that
        self.servers = servers  # shared servers that it uses
        self.debug = debug      # runs the build with failpoints and sanitizers
        self.alone = alone      # nothing may run beside it


def test(seconds=60, servers=(), debug=False, alone=False):
    def register(function):
        made = Test(function, seconds, servers, debug, alone)
        TESTS[made.name] = made
        return function
    return register


def check(condition, reason, *args):
    if not condition:
        raise Failure(reason % args if args else reason)


def each(name, values, seconds=60, servers=None, debug=False):
    """Registers one test for every value: NAME_VALUE; servers may be a function of the value."""
    def register(function):
        for value in values:
            def bound(t, value=value):
                return function(t, value)
            bound.__module__ = function.__module__
            bound.__name__ = '%s_%s' % (name, re.sub(r'\W+', '_', str(value)))
            bound.__doc__ = function.__doc__
            test(seconds, servers(value) if servers else (), debug)(bound)
        return function
    return register
