"""Says what is wrong with a program, with the PATH of the place. Needs no asyncio: the shrinker uses it too.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

from collections.abc import Iterator

LOCKS = ("lock", "semaphore", "bounded_semaphore", "condition")
QUEUES = ("queue", "lifo_queue", "priority_queue")
KINDS = ("cancelled", "timeout", "error", "group", "any")

# The option of each type of object, if it has one.
OBJECT_OPTIONS = {
    "event": None,
    "lock": None,
    "semaphore": "value",
    "bounded_semaphore": "value",
    "condition": "lock",
    "barrier": "parties",
    "queue": "maxsize",
    "lifo_queue": "maxsize",
    "priority_queue": "maxsize",
    "future": None,
    "context_var": "default",
}

# The arguments of each statement: an object of certain types is written as their tuple.
STATEMENTS: dict[str, tuple] = {
    "log": ("text",),
    "call": ("coroutine",),
    "raise": ("text",),
    "return": ("value",),
    "repeat": ("natural", "block"),
    "try": ("try",),
    "reraise": (),
    "spawn": ("handle", "coroutine", {"name": "text", "eager": "flag"}),
    "await": ("target",),
    "cancel": ("target", "message"),
    "cancel_self": ("message",),
    "uncancel": (),
    "cancelling": ("target or null",),
    "state": ("target",),
    "on_done": ("target", "text"),
    "sleep": ("natural",),
    "call_soon": ("text", "callback"),
    "call_later": ("natural", "text", "callback"),
    "call_at": ("natural", "text", "callback"),
    "gather": ("sources", {"return_exceptions": "flag"}),
    "gather_start": ("handle", "sources", {"return_exceptions": "flag"}),
    "wait": ("targets", {"timeout": "ms or null", "return_when": "condition"}),
    "wait_for": ("source", "ms or null"),
    "shield": ("source",),
    "shield_start": ("handle", "source"),
    "as_completed": ("sources", "ms or null"),
    "timeout": ("ms or null", "block"),
    "timeout_at": ("ms or null", "block"),
    "reschedule": ("ms or null",),
    "expired": (),
    "group": ("block",),
    "gspawn": ("handle", "coroutine"),
    "gcancel": (),
    "acquire": (LOCKS,),
    "release": (LOCKS,),
    "with": (LOCKS, "block"),
    "locked": (LOCKS,),
    "ev_wait": (("event",),),
    "ev_set": (("event",),),
    "ev_clear": (("event",),),
    "c_wait": (("condition",),),
    "c_notify": (("condition",), "natural"),
    "c_notify_all": (("condition",),),
    "b_wait": (("barrier",),),
    "b_reset": (("barrier",),),
    "b_abort": (("barrier",),),
    "put": (QUEUES, "value"),
    "get": (QUEUES,),
    "put_nowait": (QUEUES, "value"),
    "get_nowait": (QUEUES,),
    "task_done": (QUEUES,),
    "q_join": (QUEUES,),
    "q_shutdown": (QUEUES, "flag"),
    "qsize": (QUEUES,),
    "f_set": (("future",), "value"),
    "f_exc": (("future",), "text"),
    "f_cancel": (("future",), "message"),
    "v_set": (("context_var",), "value"),
    "v_get": (("context_var",),),
}

IN_CALLBACKS = frozenset(
    "log cancel state locked release ev_set ev_clear put_nowait get_nowait task_done q_shutdown qsize f_set f_exc "
    "f_cancel v_set v_get".split()
)


class _Wrong(Exception):
    """PATH: MESSAGE."""


def problem(program: object) -> str | None:
    """What is wrong with the program, or None."""
    try:
        _Check(program)
    except _Wrong as wrong:
        return str(wrong)
    return None


def _require(holds: bool, path: str, message: str) -> None:
    if not holds:
        raise _Wrong(f"{path}: {message}")


def _is_integer(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_value(value: object) -> bool:
    return isinstance(value, str) or _is_integer(value)


class _Check:
    def __init__(self, program: object) -> None:
        _require(isinstance(program, dict), "program", "a JSON object is expected")
        _require(program.get("version") == 1, "version", "only version 1 is known")
        self._only(program, "program", ("version", "objects", "coroutines", "options"))
        options = program.get("options", {})
        self._only(options, "options", ("eager",))
        _require(isinstance(options.get("eager", False), bool), "options.eager", "true or false is expected")
        self.types: dict[str, str] = {}
        self.coroutines = program.get("coroutines")
        objects = program.get("objects", {})
        _require(isinstance(objects, dict), "objects", "a JSON object is expected")
        for name, description in objects.items():
            self._object(name, description, "objects." + name)
        _require(isinstance(self.coroutines, dict), "coroutines", "a JSON object is expected")
        _require("main" in self.coroutines, "coroutines", "there is no coroutine 'main'")
        self.priority_types: dict[str, type] = {}
        self.uses: dict[str, set[str]] = {}
        for name, body in self.coroutines.items():
            _require(name and name not in self.types, "coroutines." + name, "a name of its own is expected")
            self.used = self.uses.setdefault(name, set())
            self._block(body, name)
        self._no_circle()

    @staticmethod
    def _only(value: object, path: str, names: tuple) -> None:
        _require(isinstance(value, dict), path, "a JSON object is expected")
        for name in value:
            _require(name in names, path, f"'{name}' is not known here")

    def _object(self, name: str, description: object, path: str) -> None:
        _require(isinstance(description, dict), path, "a JSON object is expected")
        type_name = description.get("type")
        _require(isinstance(type_name, str) and type_name in OBJECT_OPTIONS, path, f"there is no type '{type_name}'")
        option = OBJECT_OPTIONS[type_name]
        self._only(description, path, ("type",) if option is None else ("type", option))
        if option in description or option == "parties":
            value = description.get(option)
            good = {
                "value": _is_natural(value),
                "maxsize": _is_integer(value),
                "parties": _is_natural(value) and value != 0,
                "default": value is None or _is_value(value),
                "lock": value is None or isinstance(value, str) and self.types.get(value) == "lock",
            }[option]
            _require(good, f"{path}.{option}", "this cannot be its value")
        self.types[name] = type_name

    def _block(self, block: object, path: str, callback: bool = False) -> None:
        _require(isinstance(block, list), path, "a JSON array is expected")
        for index, statement in enumerate(block):
            self._statement(statement, f"{path}.{index}", callback)

    def _statement(self, statement: object, path: str, callback: bool) -> None:
        _require(isinstance(statement, list) and bool(statement), path, "a statement is expected")
        op = statement[0]
        rule = STATEMENTS.get(op) if isinstance(op, str) else None
        _require(rule is not None, path, f"there is no statement '{op}'")
        _require(not callback or op in IN_CALLBACKS, path, f"'{op}' cannot stand in a callback")
        count = len(statement) - 1
        lacking = bool(rule) and isinstance(rule[-1], dict)
        _require(count == len(rule) or lacking and count == len(rule) - 1, path, f"wrong number of arguments of '{op}'")
        for kind, value in zip(rule, statement[1:]):
            if isinstance(kind, tuple):
                _require(isinstance(value, str) and self.types.get(value) in kind, path, f"not an object for '{op}'")
            elif isinstance(kind, dict):
                self._options(kind, value, path)
            else:
                _ARGUMENTS[kind](self, value, path, statement)
        if op in ("put", "put_nowait") and self.types[statement[1]] == "priority_queue":
            first = self.priority_types.setdefault(statement[1], type(statement[2]))
            _require(type(statement[2]) is first, path, "the values of a priority_queue are of one type")

    def _options(self, kinds: dict, value: object, path: str) -> None:
        self._only(value, path, tuple(kinds))
        for name, option in value.items():
            # JSON has no way to leave out a member but null, so null is as good as none for spawn's.
            if not (option is None and "eager" in kinds):
                _ARGUMENTS[kinds[name]](self, option, path, [])

    # Arguments.

    def _text(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, str), path, "a string is expected")

    def _message(self, value: object, path: str, statement: list) -> None:
        _require(value is None or isinstance(value, str), path, "a string or null is expected")

    def _value(self, value: object, path: str, statement: list) -> None:
        _require(_is_value(value), path, "a value is an integer of 64 bits or a string")

    def _flag(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, bool), path, "true or false is expected")

    def _natural(self, value: object, path: str, statement: list) -> None:
        _require(_is_natural(value), path, "a number that is not negative is expected")

    def _ms_or_null(self, value: object, path: str, statement: list) -> None:
        _require(value is None or _is_natural(value), path, "null or a number that is not negative is expected")

    def _condition(self, value: object, path: str, statement: list) -> None:
        _require(value in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"), path, "no return_when")

    def _coroutine(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, str) and value in self.coroutines, path, f"there is no coroutine '{value}'")
        self.used.add(value)

    def _handle(self, value: object, path: str, statement: list) -> None:
        good = isinstance(value, str) and value and value not in self.types and value not in self.coroutines
        _require(good, path, "a handle has a name of its own")

    def _target(self, value: object, path: str, statement: list) -> None:
        if not (isinstance(value, str) and self.types.get(value) == "future"):
            self._handle(value, path, statement)

    def _target_or_null(self, value: object, path: str, statement: list) -> None:
        if value is not None:
            self._target(value, path, statement)

    def _targets(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, list), path, "a JSON array is expected")
        for name in value:
            self._target(name, path, statement)

    def _source(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, dict) and len(value) == 1, path, "a source is expected")
        ((kind, name),) = value.items()
        _require(kind in ("task", "future", "coro"), path, "a source is expected")
        if kind == "coro":
            self._coroutine(name, path, statement)
        elif kind == "task":
            self._handle(name, path, statement)
        else:
            _require(isinstance(name, str) and self.types.get(name) == "future", path, f"'{name}' is no future")

    def _sources(self, value: object, path: str, statement: list) -> None:
        _require(isinstance(value, list), path, "a JSON array is expected")
        for source in value:
            self._source(source, path, statement)

    def _body(self, value: object, path: str, statement: list) -> None:
        self._block(value, path + (".0" if statement[0] == "repeat" else ".body"))

    def _callback(self, value: object, path: str, statement: list) -> None:
        self._block(value, f"{path}.{statement[-2]}", callback=True)

    def _try(self, value: object, path: str, statement: list) -> None:
        self._only(value, path, ("body", "except", "finally"))
        self._block(value.get("body"), path + ".body")
        handlers = value.get("except", {})
        self._only(handlers, path, KINDS)
        for kind, block in handlers.items():
            self._block(block, f"{path}.{kind}")
        self._block(value.get("finally", []), path + ".finally")

    def _no_circle(self) -> None:
        ended: set[str] = set()

        def follow(name: str, above: tuple) -> None:
            _require(name not in above, "coroutines." + name, "a coroutine calls itself")
            if name not in ended:
                for used in self.uses[name]:
                    follow(used, (*above, name))
                ended.add(name)

        for name in self.coroutines:
            follow(name, ())


_ARGUMENTS = {
    "text": _Check._text,
    "message": _Check._message,
    "value": _Check._value,
    "flag": _Check._flag,
    "natural": _Check._natural,
    "ms or null": _Check._ms_or_null,
    "condition": _Check._condition,
    "coroutine": _Check._coroutine,
    "handle": _Check._handle,
    "target": _Check._target,
    "target or null": _Check._target_or_null,
    "targets": _Check._targets,
    "source": _Check._source,
    "sources": _Check._sources,
    "block": _Check._body,
    "callback": _Check._callback,
    "try": _Check._try,
}


def blocks_of(statement: list) -> Iterator[tuple[str, list]]:
    """The blocks in a statement, with what their place adds to the PATH; a repeat's as its first round."""
    op = statement[0]
    if op == "try":
        yield "body", statement[1]["body"]
        yield from statement[1].get("except", {}).items()
        if "finally" in statement[1]:
            yield "finally", statement[1]["finally"]
    elif op == "repeat":
        yield "0", statement[2]
    elif op in ("timeout", "timeout_at", "group", "with"):
        yield "body", statement[-1]
    elif op in ("call_soon", "call_later", "call_at"):
        yield statement[-2], statement[-1]


def find_gcancel(program: dict) -> str | None:
    """The PATH of the first gcancel."""

    def search(block: list, prefix: str) -> str | None:
        for index, statement in enumerate(block):
            path = f"{prefix}.{index}"
            if statement[0] == "gcancel":
                return path
            for part, inner in blocks_of(statement):
                if found := search(inner, f"{path}.{part}"):
                    return found
        return None

    for name, body in program["coroutines"].items():
        if found := search(body, name):
            return found
    return None
