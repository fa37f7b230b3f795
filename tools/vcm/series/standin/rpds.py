# SPDX-License-Identifier: GPL-2.0
"""The part of rpds that python3-jsonschema and python3-referencing use, for make series-check alone.

dt-schema needs a jsonschema that stores its registries in rpds: persistent collections written in Rust.
Debian's package of rpds contains a binary for one release of Python. The collections here copy
themselves on each change: they are slower and need no binary.
"""


class HashTrieMap(dict):
    """A mapping whose changes are new mappings."""

    @classmethod
    def convert(cls, value):
        return value if isinstance(value, cls) else cls(value)

    def insert(self, key, value):
        return type(self)({**self, key: value})

    def remove(self, key):
        return type(self)({k: v for k, v in self.items() if k != key})

    discard = remove

    def update(self, *others, **more):
        changed = dict(self)
        for other in others:
            changed.update(other)
        return type(self)({**changed, **more})

    def __hash__(self):
        return hash(frozenset(self.items()))


class HashTrieSet(frozenset):
    """A set whose changes are new sets."""

    def insert(self, value):
        return type(self)(self | {value})

    def discard(self, value):
        return type(self)(self - {value})

    remove = discard

    def update(self, *others):
        return type(self)(self.union(*others))


class List(tuple):
    """A list whose changes are new lists, at its front."""

    def __new__(cls, *values):
        return super().__new__(cls, values[0] if len(values) == 1 else values)

    def push_front(self, value):
        return type(self)((value, *self))

    @property
    def first(self):
        return self[0]

    @property
    def rest(self):
        return type(self)(self[1:])

    drop_first = rest.fget
