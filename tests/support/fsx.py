"""fsx: a file-system exerciser. Random operations on one directory, each made on a model in memory
as well; after each, and at the end, the two must agree. Usage: fsx.py DIRECTORY OPERATIONS SEED"""
import os
import random
import sys

SIZE = 300000


class Exerciser:
    def __init__(self, directory, seed):
        self.directory, self.random = directory, random.Random(seed)
        self.files, self.directories, self.last = {}, {""}, "nothing"

    def path(self, name):
        return os.path.join(self.directory, name)

    def fail(self, what):
        sys.exit(f"FAILED: {what}, after: {self.last}")

    def new_name(self):
        parent = self.random.choice(sorted(self.directories))
        name = self.random.choice(["a", "b b", "ü", "d.d", "e\n"]) + str(self.random.randrange(30))
        return os.path.join(parent, name)

    def some_file(self):
        return self.random.choice(sorted(self.files)) if self.files else None

    def is_free(self, name):
        return name not in self.files and name not in self.directories

    # Each operation returns what it did, or None if it could not be done now.

    def create(self):
        name = self.new_name()
        if not self.is_free(name):
            return None
        data = self.random.randbytes(self.random.randrange(SIZE))
        with open(self.path(name), "wb") as file:
            file.write(data)
        self.files[name] = bytearray(data)
        return f"create {name!r} of {len(data)}"

    def write(self):
        name = self.some_file()
        if name is None:
            return None
        at = self.random.randrange(SIZE)
        data = self.random.randbytes(self.random.randrange(1, 50000))
        with open(self.path(name), "r+b") as file:
            file.seek(at)
            file.write(data)
        content = self.files[name]
        content.extend(bytes(max(0, at - len(content))))
        content[at:at + len(data)] = data
        return f"write {name!r} {len(data)} at {at}"

    def append(self):
        name = self.some_file()
        if name is None:
            return None
        data = self.random.randbytes(self.random.randrange(1, 5000))
        with open(self.path(name), "ab") as file:
            file.write(data)
        self.files[name] += data
        return f"append {name!r} {len(data)}"

    def truncate(self):
        name = self.some_file()
        if name is None:
            return None
        size = self.random.randrange(SIZE)
        os.truncate(self.path(name), size)
        content = self.files[name]
        del content[size:]
        content.extend(bytes(size - len(content)))
        return f"truncate {name!r} to {size}"

    def read(self):
        name = self.some_file()
        if name is None:
            return None
        at, length = self.random.randrange(SIZE), self.random.randrange(1, 80000)
        with open(self.path(name), "rb") as file:
            file.seek(at)
            if file.read(length) != self.files[name][at:at + length]:
                self.fail(f"{name!r} differs in {length} at {at}")
        return f"read {name!r}"

    def rename(self):
        name, target = self.some_file(), self.new_name()
        if name is None or target in self.directories or target == name:
            return None
        os.rename(self.path(name), self.path(target))
        self.files[target] = self.files.pop(name)
        return f"rename {name!r} {target!r}"

    def remove(self):
        name = self.some_file()
        if name is None:
            return None
        os.unlink(self.path(name))
        del self.files[name]
        return f"remove {name!r}"

    def mkdir(self):
        name = self.new_name()
        if not self.is_free(name) or name.count("/") > 3:
            return None
        os.mkdir(self.path(name))
        self.directories.add(name)
        return f"mkdir {name!r}"

    def rmdir(self):
        name = self.random.choice(sorted(self.directories))
        if not name or any(other.startswith(name + "/") for other in [*self.files, *self.directories]):
            return None
        os.rmdir(self.path(name))
        self.directories.discard(name)
        return f"rmdir {name!r}"

    def stat(self):
        name = self.some_file()
        if name is not None and os.stat(self.path(name)).st_size != len(self.files[name]):
            self.fail(f"{name!r} has {os.stat(self.path(name)).st_size} bytes, "
                      f"not {len(self.files[name])}")
        return self.last

    def compare(self):
        files, directories = set(), set()
        for at, below, names in os.walk(self.directory):
            relative = os.path.relpath(at, self.directory)
            directories.add("" if relative == "." else relative)
            files.update(os.path.normpath(os.path.join(relative, name)) for name in names)
        if files != set(self.files) or directories != self.directories:
            self.fail(f"names differ: {files ^ set(self.files)}, {directories ^ self.directories}")
        for name, content in self.files.items():
            with open(self.path(name), "rb") as file:
                if file.read() != content:
                    self.fail(f"{name!r} differs")

    def run(self, operations):
        kinds = [self.create, self.create, self.write, self.write, self.append, self.truncate,
                 self.read, self.read, self.rename, self.remove, self.mkdir, self.rmdir, self.stat]
        done = 0
        while done < operations:
            outcome = self.random.choice(kinds)()
            if outcome is not None:
                self.last = outcome
                done += 1
        self.compare()
        print(f"{done} operations, {len(self.files)} files, {len(self.directories)} directories")


if __name__ == "__main__":
    Exerciser(sys.argv[1], int(sys.argv[3])).run(int(sys.argv[2]))
