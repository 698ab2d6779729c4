"""Objects whose every special method runs code of the test's."""

#: What the interpreter expects of a special method.
EXPECTED = {
    "__bool__": True,
    "__index__": 1,
    "__int__": 1,
    "__float__": 0.001,
    "__hash__": 1,
    "__len__": 1,
    "__repr__": "hook",
    "__str__": "hook",
    "__eq__": False,
    "__ne__": True,
    "__lt__": True,
    "__le__": True,
    "__gt__": False,
    "__ge__": False,
    "__add__": 1.0,
    "__radd__": 1.0,
    "__sub__": 1.0,
    "__rsub__": 1.0,
    "__mul__": 1.0,
    "__contains__": True,
    "__call__": None,
    "__enter__": None,
    "__exit__": False,
    "__getitem__": 0,
    "__get__": None,
    "__next__": None,
    "__bytes__": b"x",
}


class Hook:
    """Calls ``action`` with the name of each special method that is used, its end included.

    An attribute that it has not is a method that calls ``action``, too.
    """

    def __init__(self, action):
        object.__setattr__(self, "action", action)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self.action(name)
        return lambda *args, **keywords: self.action(name)

    def __iter__(self):
        self.action("__iter__")
        return iter(())

    def __await__(self):
        self.action("__await__")
        yield

    def __del__(self):
        self.action("__del__")


def _method(name, expected):
    def method(self, *args, **keywords):
        self.action(name)
        return expected

    return method


for _name, _expected in EXPECTED.items():
    setattr(Hook, _name, _method(_name, _expected))


def once(action):
    """An action for a hook that acts the first few times only: no recursion without end."""
    left = 12

    def act(name):
        nonlocal left
        if left > 0:
            left -= 1
            action(name)

    return act
